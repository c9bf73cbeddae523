/**
 * How names in encrypted directories are shown where their key is not known: base64url of the directory hash, of what is
 * stored and, for long ones, of its digest.
 *
 * Kernel documentation: Documentation/filesystems/fscrypt.rst, "Without the key"; the form is that of fs/crypto.
 *
 * @module
 */

import { sha256, SHA256_BYTES } from "./sha256.ts";

/** Bytes of a stored name that are shown as they are. */
const SHOWN_BYTES = 149;
const HASH_BYTES = 8;
const MAX_BYTES = HASH_BYTES + SHOWN_BYTES + SHA256_BYTES;
/** The shortest that encryption makes of a name. */
export const MIN_STORED_BYTES = 16;
/** Longest name that `encodeNoKeyName` makes. */
export const MAX_NO_KEY_NAME_BYTES = Math.ceil(MAX_BYTES * 4 / 3);

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const DIGITS = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const VALUES = new Int8Array(256).fill(-1);
DIGITS.forEach((digit, value) => VALUES[digit] = value);

const plain = new Uint8Array(MAX_BYTES);
const plainView = new DataView(plain.buffer);

/** Length of an encrypted symbolic link's target as it is shown; stored are its length in 16 bits and itself. */
export function noKeyTargetLength(storedBytes: number): number {
  return noKeyNameLength(Math.max(0, storedBytes - 2));
}

/** Length of the name shown for `bytes` stored bytes. */
export function noKeyNameLength(bytes: number): number {
  const shown = bytes <= SHOWN_BYTES ? bytes : SHOWN_BYTES + SHA256_BYTES;
  return Math.ceil((HASH_BYTES + shown) * 4 / 3);
}

/**
 * Writes the name to show for the stored name `bytes[start..end)` into `out`, of MAX_NO_KEY_NAME_BYTES.
 * @param hash major hash in the directory's index, 0 where there is none; @param minor the minor one.
 * @returns its length.
 */
export function encodeNoKeyName(
  bytes: Uint8Array,
  start: number,
  end: number,
  hash: number,
  minor: number,
  out: Uint8Array,
): number {
  plainView.setUint32(0, hash, true);
  plainView.setUint32(4, minor, true);
  const shown = Math.min(end - start, SHOWN_BYTES);
  plain.set(bytes.subarray(start, start + shown), HASH_BYTES);
  let length = HASH_BYTES + shown;
  if (end - start > SHOWN_BYTES) {
    plain.set(sha256(bytes.subarray(start + shown, end)), length);
    length += SHA256_BYTES;
  }
  return encodeBase64(length, out);
}

function encodeBase64(length: number, out: Uint8Array): number {
  let bits = 0;
  let count = 0;
  let written = 0;
  for (let i = 0; i < length; i++) {
    bits = (bits << 8) | (plain[i] as number);
    for (count += 8; count >= 6;) {
      count -= 6;
      out[written++] = DIGITS[(bits >> count) & 63] as number;
    }
    bits &= (1 << count) - 1;
  }
  if (count > 0) out[written++] = DIGITS[(bits << (6 - count)) & 63] as number;
  return written;
}

/** What a name shown without a key says. */
export interface NoKeyName {
  /** Major hash in the directory's index. */
  readonly hash: number;
  /** The stored name, or its first 149 bytes. */
  readonly bytes: Uint8Array;
  /** Of the bytes that follow; null when none do. */
  readonly digest: Uint8Array | null;
}

/** Takes apart a name that `encodeNoKeyName` may have made; undefined for any other. */
export function decodeNoKeyName(name: Uint8Array): NoKeyName | undefined {
  const decoded = decodeBase64(name);
  if (decoded === undefined || decoded.length <= HASH_BYTES) return undefined;
  const isLong = decoded.length === MAX_BYTES;
  if (decoded.length > HASH_BYTES + SHOWN_BYTES && !isLong) return undefined;
  return {
    hash: new DataView(decoded.buffer).getUint32(0, true),
    bytes: decoded.subarray(HASH_BYTES, isLong ? HASH_BYTES + SHOWN_BYTES : decoded.length),
    digest: isLong ? decoded.subarray(HASH_BYTES + SHOWN_BYTES) : null,
  };
}

function decodeBase64(text: Uint8Array): Uint8Array | undefined {
  const decoded = new Uint8Array(Math.floor(text.length * 3 / 4));
  let bits = 0;
  let count = 0;
  let length = 0;
  for (const letter of text) {
    const value = VALUES[letter] as number;
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded[length++] = (bits >> count) & 255;
  }
  return (bits & ((1 << count) - 1)) === 0 && count < 6 ? decoded : undefined;
}

/** Whether `shown` was made of the stored name `bytes[start..end)`. */
export function isNoKeyNameOf(
  shown: NoKeyName,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const length = end - start;
  if (shown.digest === null ? length !== shown.bytes.length : length <= SHOWN_BYTES) return false;
  for (let i = 0; i < shown.bytes.length; i++) {
    if (bytes[start + i] !== shown.bytes[i]) return false;
  }
  if (shown.digest === null) return true;
  const digest = sha256(bytes.subarray(start + SHOWN_BYTES, end));
  return digest.every((byte, index) => byte === shown.digest?.[index]);
}
