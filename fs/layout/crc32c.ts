/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as ext4's metadata_csum and jbd2's checksums v2 and v3
 * use it: neither the seed nor the result is inverted, so a running value is simply passed on as the next seed.
 *
 * Kernel documentation: Documentation/filesystems/ext4/checksums.rst.
 *
 * @module
 */

const POLYNOMIAL = 0x82f63b78;
const TABLES = 16;
const TABLE_BYTES = 256 * 4;

/** Sixteen tables of 256 little-endian words: table k gives the CRC of a byte followed by k zero bytes. */
const TABLE = buildTables();

function buildTables(): DataView {
  const tables = new DataView(new ArrayBuffer(TABLES * TABLE_BYTES));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? POLYNOMIAL : 0);
    tables.setInt32(byte * 4, crc, true);
  }
  for (let at = TABLE_BYTES; at < tables.byteLength; at += 4) {
    const shorter = tables.getInt32(at - TABLE_BYTES, true);
    tables.setInt32(at, (shorter >>> 8) ^ tables.getInt32((shorter & 0xff) << 2, true), true);
  }
  return tables;
}

/** What the four bytes of a little-endian word contribute, given the byte offset of the four tables for it. */
function wordTerm(tables: number, word: number): number {
  return TABLE.getInt32(tables + 0xc00 + ((word << 2) & 0x3fc), true) ^
    TABLE.getInt32(tables + 0x800 + ((word >>> 6) & 0x3fc), true) ^
    TABLE.getInt32(tables + 0x400 + ((word >>> 14) & 0x3fc), true) ^
    TABLE.getInt32(tables + ((word >>> 22) & 0x3fc), true);
}

/** Fewer bytes than this are not worth a `DataView`. */
const SHORT_BYTES = 24;

/**
 * The CRC of `bytes[start..end)` continued from `seed`.
 *
 * @param seed the running value: 0xffffffff to begin with, or what an earlier call returned.
 * @returns an unsigned 32-bit value, not inverted.
 */
export function crc32c(seed: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = seed | 0;
  let at = start;
  if (end - start >= SHORT_BYTES) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    at = end - ((end - start) & 3);
    crc = crc32cWords(crc, view, start, at);
  }
  for (; at < end; at++) {
    crc = (crc >>> 8) ^ TABLE.getInt32(((crc ^ (bytes[at] as number)) & 0xff) << 2, true);
  }
  return crc >>> 0;
}

/** As `crc32c`, of whole words: `end - start` is a multiple of 4. The result is signed. */
export function crc32cWords(seed: number, view: DataView, start: number, end: number): number {
  let crc = seed;
  let at = start;
  for (const stop = end - 15; at < stop; at += 16) {
    const word = view.getInt32(at, true);
    const second = view.getInt32(at + 4, true);
    const third = view.getInt32(at + 8, true);
    const fourth = view.getInt32(at + 12, true);
    crc = wordTerm(0x3000, crc ^ word);
    // Most of a new directory or bitmap block is zeros, which contribute nothing.
    if ((second | third | fourth) !== 0) {
      crc ^= wordTerm(0x2000, second) ^ wordTerm(0x1000, third) ^ wordTerm(0, fourth);
    }
  }
  for (const stop = end - 3; at < stop; at += 4) {
    crc = wordTerm(0, crc ^ view.getInt32(at, true));
  }
  return crc;
}

/** The CRC of `value` as a little-endian 32-bit word, continued from `seed`: inode numbers, generations, groups. */
export function crc32cNumber(seed: number, value: number): number {
  return wordTerm(0, seed ^ value) >>> 0;
}

/** The CRC of `value` (a non-negative safe integer) as a little-endian 64-bit word, continued from `seed`: block numbers. */
export function crc32cNumber64(seed: number, value: number): number {
  return crc32cNumber(crc32cNumber(seed, value), Math.floor(value / 2 ** 32));
}

/** The CRC of `count` zero bytes, continued from `seed`: a checksum field that counts as zero. */
export function crc32cZeros(seed: number, count: number): number {
  let crc = seed | 0;
  let left = count;
  for (; left >= 4; left -= 4) crc = wordTerm(0, crc);
  for (; left > 0; left--) crc = (crc >>> 8) ^ TABLE.getInt32((crc & 0xff) << 2, true);
  return crc >>> 0;
}
