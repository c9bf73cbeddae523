/**
 * CRC-16 (reflected polynomial 0xa001, the "ARC" variant), the group descriptor checksum of file systems that have
 * uninit_bg (gdt_csum) but not metadata_csum. Neither the seed nor the result is inverted.
 *
 * Kernel documentation: Documentation/filesystems/ext4/group_descr.rst.
 *
 * @module
 */

const POLYNOMIAL = 0xa001;

/** 256 little-endian 16-bit words: the CRC of each byte. */
const TABLE = buildTable();

function buildTable(): DataView {
  const table = new DataView(new ArrayBuffer(256 * 2));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? POLYNOMIAL : 0);
    table.setUint16(byte * 2, crc, true);
  }
  return table;
}

/**
 * The CRC of `bytes[start..end)` continued from `seed` (0xffff to begin with, or what an earlier call returned).
 *
 * @returns an unsigned 16-bit value, not inverted.
 */
export function crc16(seed: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = seed & 0xffff;
  for (let at = start; at < end; at++) {
    crc = (crc >>> 8) ^ TABLE.getUint16(((crc ^ view.getUint8(at)) & 0xff) << 1, true);
  }
  return crc;
}
