/**
 * Inode times: 32 bits of seconds in i_atime, i_ctime, i_mtime, i_crtime, and in the i_*_extra word beside each
 * 2 bits (0 to 1) that extend the seconds and 30 bits (2 to 31) of nanoseconds. Seconds are the signed 32-bit value plus
 * 2^32 times the two bits: from 1901-12-13 to 2446-05-10. Without extra word they end in 2038.
 *
 * Kernel documentation: Documentation/filesystems/ext4/inodes.rst, "Inode Timestamps".
 *
 * @module
 */

const EPOCH = 0x1_0000_0000;

/** First and last second that an inode can hold, the last one with and without extra word. */
export const MIN_SECONDS = -0x8000_0000;
export const MAX_SECONDS = 3 * EPOCH + 0x7fff_ffff;
export const MAX_SECONDS_WITHOUT_EXTRA = 0x7fff_ffff;

/** Seconds since 1970 from the signed or unsigned 32-bit field and the extra word (0 where there is none). */
export function decodeSeconds(field: number, extra: number): number {
  return (field | 0) + (extra & 3) * EPOCH;
}

/** Nanoseconds from the extra word; above 999999999 (a corrupt word) they count as 999999999. */
export function decodeNanoseconds(extra: number): number {
  return Math.min(extra >>> 2, 999_999_999);
}

/** The nearest second that an inode can hold. */
export function clampSeconds(seconds: number, hasExtra: boolean): number {
  return Math.max(
    MIN_SECONDS,
    Math.min(seconds, hasExtra ? MAX_SECONDS : MAX_SECONDS_WITHOUT_EXTRA),
  );
}

/** The 32-bit field, unsigned, for seconds within the range. */
export function encodeSeconds(seconds: number): number {
  return seconds >>> 0;
}

/** The extra word for seconds within the range and nanoseconds from 0 to 999999999. */
export function encodeExtra(seconds: number, nanoseconds: number): number {
  return (((seconds - (seconds | 0)) / EPOCH & 3) | (nanoseconds << 2)) >>> 0;
}
