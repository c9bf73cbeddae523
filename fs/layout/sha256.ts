/**
 * SHA-256 (FIPS 180-4), for the few names that are too long to be shown whole.
 *
 * @module
 */

const ROUNDS = 64;
const BLOCK_BYTES = 64;
export const SHA256_BYTES = 32;

interface Constants {
  readonly initial: Uint32Array;
  readonly constants: Uint32Array;
}

let derived: Constants | undefined;

/** The first bits of the fractional parts of square and cube roots of the first primes. */
function derive(): Constants {
  const primes: number[] = [];
  for (let n = 2; primes.length < ROUNDS; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  const bits = (prime: number, power: number): number => {
    // 32 bits behind the point: the root of prime × 2^(32 × power), exactly.
    const wanted = BigInt(prime) << BigInt(32 * power);
    let root = 0n;
    for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
      if ((root + bit) ** BigInt(power) <= wanted) root += bit;
    }
    return Number(root & 0xffffffffn);
  };
  return {
    initial: Uint32Array.from(primes.slice(0, 8), (prime) => bits(prime, 2)),
    constants: Uint32Array.from(primes, (prime) => bits(prime, 3)),
  };
}

/** The digest of `bytes`, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil((bytes.length + 9) / BLOCK_BYTES);
  const padded = new Uint8Array(blocks * BLOCK_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(padded.length - 4, bytes.length << 3);
  // Not when the module is loaded: few ever need it, and it takes milliseconds.
  const { initial, constants } = derived ??= derive();
  const state = initial.slice();
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) mix(state, view, at, constants);
  const digest = new DataView(new ArrayBuffer(SHA256_BYTES));
  state.forEach((word, index) => digest.setUint32(index * 4, word));
  return new Uint8Array(digest.buffer);
}

function mix(state: Uint32Array, view: DataView, at: number, constants: Uint32Array): void {
  const words = new Int32Array(ROUNDS);
  const word = (index: number): number => words[index] as number;
  for (let i = 0; i < ROUNDS; i++) {
    words[i] = i < 16
      ? view.getInt32(at + i * 4)
      : word(i - 16) + small(word(i - 15), 7, 18, 3) + word(i - 7) + small(word(i - 2), 17, 19, 10);
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as EightWords;
  for (let i = 0; i < ROUNDS; i++) {
    const choice = (e & f) ^ (~e & g);
    const first = (h + big(e, 6, 11, 25) + choice + (constants[i] as number) + word(i)) | 0;
    const second = (big(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => state[i] = (state[i] as number) + value);
}

type EightWords = [number, number, number, number, number, number, number, number];

function turn(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}
function big(value: number, a: number, b: number, c: number): number {
  return turn(value, a) ^ turn(value, b) ^ turn(value, c);
}
function small(value: number, a: number, b: number, shift: number): number {
  return turn(value, a) ^ turn(value, b) ^ (value >>> shift);
}
