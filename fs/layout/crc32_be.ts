/**
 * CRC-32 with the most significant bit first (polynomial 0x04c11db7), not inverted: the checksum that jbd2's
 * COMPAT_CHECKSUM (v1) puts in a commit block over the descriptor and data blocks of its transaction.
 *
 * Kernel documentation: Documentation/filesystems/ext4/journal.rst, "Commit Block".
 *
 * @module
 */

const POLYNOMIAL = 0x04c11db7;

/** 256 little-endian words: the CRC of each byte. */
const TABLE = buildTable();

function buildTable(): DataView {
  const table = new DataView(new ArrayBuffer(256 * 4));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? POLYNOMIAL : 0);
    table.setInt32(byte * 4, crc, true);
  }
  return table;
}

/**
 * The CRC of `bytes[start..end)` continued from `seed` (0xffffffff to begin with, or what an earlier call returned).
 *
 * @returns an unsigned 32-bit value, not inverted.
 */
export function crc32BigEndian(
  seed: number,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = seed | 0;
  for (let at = start; at < end; at++) {
    crc = (crc << 8) ^ TABLE.getInt32(((crc >>> 24) ^ view.getUint8(at)) << 2, true);
  }
  return crc >>> 0;
}
