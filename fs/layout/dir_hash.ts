/**
 * The name hashes of indexed directories: legacy, half-MD4 and TEA, each for names of signed and of unsigned chars.
 * Casefolding and SipHash (casefolded and encrypted directories) are not among them.
 *
 * Kernel documentation: Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories".
 *
 * @module
 */

/** Hash versions. 0 to 2 are stored in an index root (dx_root_info.hash_version); 3 to 5 are 0 to 2 for unsigned chars. */
export const HashVersion = {
  LEGACY: 0,
  HALF_MD4: 1,
  TEA: 2,
  LEGACY_UNSIGNED: 3,
  HALF_MD4_UNSIGNED: 4,
  TEA_UNSIGNED: 5,
  SIPHASH: 6,
} as const;

/** What readers use as the end of a directory (EXT4_HTREE_EOF_32BIT << 1); no name hashes to it. */
export const HASH_EOF = 0xfffffffe;
const HALF_EOF = HASH_EOF / 2;

/** The version to compute for what an index root stores, given whether s_flags has EXT2_FLAGS_UNSIGNED_HASH. */
export function effectiveHashVersion(stored: number, unsigned: boolean): number {
  return unsigned && stored <= HashVersion.TEA ? stored + 3 : stored;
}

const DEFAULT_SEED = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476] as const;
const LEGACY_MULTIPLIER = 7152373;
const TEA_DELTA = 0x9e3779b9;
/** Constants of MD4's second and third rounds: the square roots of 2 and 3 as fractions of 2^30. */
const K2 = 0x5a827999;
const K3 = 0x6ed9eba1;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Computes name hashes with a file system's seed. One object serves a volume; it holds the last result. */
export class DirHasher {
  /** The last minor hash, as a signed word; 0 for the legacy hash. It breaks ties of the major one in directory offsets. */
  minor = 0;
  readonly #seed: readonly [number, number, number, number];
  /** A chunk of the name as eight words, and the state of the mixing functions. */
  readonly #words = new Int32Array(8);
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** @param seed s_hash_seed, four words; all zero means the default one. */
  constructor(seed0: number, seed1: number, seed2: number, seed3: number) {
    const isZero = (seed0 | seed1 | seed2 | seed3) === 0;
    const [a, b, c, d] = isZero ? DEFAULT_SEED : [seed0, seed1, seed2, seed3];
    // As signed words, which the engine keeps without allocating.
    this.#seed = [a | 0, b | 0, c | 0, d | 0];
  }

  /**
   * Hashes the name `bytes[start..end)`; also sets `minor`.
   *
   * @param version 0 to 5, see `HashVersion`.
   * @returns the major hash, which orders an index: unsigned, even, never `HASH_EOF`. -1 for a version that is not known.
   */
  hash(version: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
    const half = this.half(version, bytes, start, end);
    return half < 0 ? half : half * 2;
  }

  /**
   * As `hash`, but half of it (31 bits, or -1): it stays a small integer of the JavaScript engine, so that code which goes
   * through a directory in the order of hashes is not compiled anew when it comes to the large ones.
   */
  half(version: number, bytes: Uint8Array, start: number, end: number): number {
    const unsigned = version > HashVersion.TEA;
    const seed = this.#seed;
    this.#a = seed[0];
    this.#b = seed[1];
    this.#c = seed[2];
    this.#d = seed[3];
    let raw = 0;
    this.minor = 0;
    switch (unsigned ? version - 3 : version) {
      case HashVersion.LEGACY:
        raw = legacyHash(bytes, start, end, unsigned);
        break;
      case HashVersion.HALF_MD4:
        for (let at = start; at < end; at += 32) {
          this.#fillWords(bytes, at, end, 8, unsigned);
          this.#halfMd4();
        }
        raw = this.#b;
        this.minor = this.#c;
        break;
      case HashVersion.TEA:
        for (let at = start; at < end; at += 16) {
          this.#fillWords(bytes, at, end, 4, unsigned);
          this.#tea();
        }
        raw = this.#a;
        this.minor = this.#b;
        break;
      default:
        return -1;
    }
    const half = raw >>> 1;
    return half === HALF_EOF ? HALF_EOF - 1 : half;
  }

  /** Packs up to `count` big-endian words of the name from `at` on, padded with the rest's length. */
  #fillWords(bytes: Uint8Array, at: number, end: number, count: number, unsigned: boolean): void {
    const words = this.#words;
    const length = (end - at) & 0xff;
    const pad = length | (length << 8) | (length << 16) | (length << 24);
    let next = at;
    const stop = Math.min(end, at + count * 4);
    for (let word = 0; word < count; word++) {
      let value = pad;
      for (let i = 0; i < 4 && next < stop; i++, next++) {
        const byte = bytes[next] as number;
        value = ((value << 8) + (unsigned ? byte : (byte << 24) >> 24)) | 0;
      }
      words[word] = value;
    }
  }

  /** One block of TEA (16 rounds) keyed by four words, added to the state. */
  #tea(): void {
    const words = this.#words;
    const k0 = words[0] as number;
    const k1 = words[1] as number;
    const k2 = words[2] as number;
    const k3 = words[3] as number;
    let x = this.#a | 0;
    let y = this.#b | 0;
    let sum = 0;
    for (let round = 0; round < 16; round++) {
      sum = (sum + TEA_DELTA) | 0;
      x = (x + (((y << 4) + k0) ^ (y + sum) ^ ((y >>> 5) + k1))) | 0;
      y = (y + (((x << 4) + k2) ^ (x + sum) ^ ((x >>> 5) + k3))) | 0;
    }
    this.#a = (this.#a + x) | 0;
    this.#b = (this.#b + y) | 0;
  }

  /** MD4's three rounds, of eight steps each instead of sixteen, over eight words, added to the state. */
  #halfMd4(): void {
    const words = this.#words;
    const w0 = words[0] as number;
    const w1 = words[1] as number;
    const w2 = words[2] as number;
    const w3 = words[3] as number;
    const w4 = words[4] as number;
    const w5 = words[5] as number;
    const w6 = words[6] as number;
    const w7 = words[7] as number;
    let a = this.#a | 0;
    let b = this.#b | 0;
    let c = this.#c | 0;
    let d = this.#d | 0;
    a = rotate(a + (d ^ (b & (c ^ d))) + w0, 3);
    d = rotate(d + (c ^ (a & (b ^ c))) + w1, 7);
    c = rotate(c + (b ^ (d & (a ^ b))) + w2, 11);
    b = rotate(b + (a ^ (c & (d ^ a))) + w3, 19);
    a = rotate(a + (d ^ (b & (c ^ d))) + w4, 3);
    d = rotate(d + (c ^ (a & (b ^ c))) + w5, 7);
    c = rotate(c + (b ^ (d & (a ^ b))) + w6, 11);
    b = rotate(b + (a ^ (c & (d ^ a))) + w7, 19);
    a = rotate(a + ((b & c) + ((b ^ c) & d)) + w1 + K2, 3);
    d = rotate(d + ((a & b) + ((a ^ b) & c)) + w3 + K2, 5);
    c = rotate(c + ((d & a) + ((d ^ a) & b)) + w5 + K2, 9);
    b = rotate(b + ((c & d) + ((c ^ d) & a)) + w7 + K2, 13);
    a = rotate(a + ((b & c) + ((b ^ c) & d)) + w0 + K2, 3);
    d = rotate(d + ((a & b) + ((a ^ b) & c)) + w2 + K2, 5);
    c = rotate(c + ((d & a) + ((d ^ a) & b)) + w4 + K2, 9);
    b = rotate(b + ((c & d) + ((c ^ d) & a)) + w6 + K2, 13);
    a = rotate(a + (b ^ c ^ d) + w3 + K3, 3);
    d = rotate(d + (a ^ b ^ c) + w7 + K3, 9);
    c = rotate(c + (d ^ a ^ b) + w2 + K3, 11);
    b = rotate(b + (c ^ d ^ a) + w6 + K3, 15);
    a = rotate(a + (b ^ c ^ d) + w1 + K3, 3);
    d = rotate(d + (a ^ b ^ c) + w5 + K3, 9);
    c = rotate(c + (d ^ a ^ b) + w0 + K3, 11);
    b = rotate(b + (c ^ d ^ a) + w4 + K3, 15);
    this.#a = (this.#a + a) | 0;
    this.#b = (this.#b + b) | 0;
    this.#c = (this.#c + c) | 0;
    this.#d = (this.#d + d) | 0;
  }
}

/** The hash of the first indexed directories: neither seeded nor mixed in blocks. */
function legacyHash(bytes: Uint8Array, start: number, end: number, unsigned: boolean): number {
  let previous = 0x37abe8f9;
  let current = 0x12a3fe2d;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    const char = unsigned ? byte : (byte << 24) >> 24;
    let next = (previous + (current ^ Math.imul(char, LEGACY_MULTIPLIER))) | 0;
    if (next < 0) next = (next - 0x7fffffff) | 0;
    previous = current;
    current = next;
  }
  return current << 1;
}
