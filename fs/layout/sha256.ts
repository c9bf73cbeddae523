/**
 * SHA-256 (FIPS 180-4), for names that are too long to be shown whole, and for the chunks of versions.
 *
 * @module
 */

const ROUNDS = 64;
const BLOCK_BYTES = 64;
export const SHA256_BYTES = 32;

interface Constants {
  readonly initial: Int32Array;
  readonly constants: Int32Array;
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
    initial: Int32Array.from(primes.slice(0, 8), (prime) => bits(prime, 2) | 0),
    constants: Int32Array.from(primes, (prime) => bits(prime, 3) | 0),
  };
}

/** The digest of `bytes`, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  // Not when the module is loaded: few ever need it, and it takes milliseconds.
  const { initial, constants } = derived ??= derive();
  const state = initial.slice();
  const whole = bytes.length - bytes.length % BLOCK_BYTES;
  mixAll(state, new DataView(bytes.buffer, bytes.byteOffset, whole), constants);
  const rest = bytes.subarray(whole);
  const padded = new Uint8Array(rest.length + 9 > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES);
  padded.set(rest);
  padded[rest.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(padded.length - 4, bytes.length << 3);
  mixAll(state, view, constants);
  const digest = new DataView(new ArrayBuffer(SHA256_BYTES));
  state.forEach((word, index) => digest.setInt32(index * 4, word));
  return new Uint8Array(digest.buffer);
}

const words = new Int32Array(ROUNDS);

/** Works whole blocks in. Written out: as fast as this runtime does it. */
function mixAll(state: Int32Array, view: DataView, constants: Int32Array): void {
  for (let at = 0; at < view.byteLength; at += BLOCK_BYTES) {
    for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + i * 4);
    for (let i = 16; i < ROUNDS; i++) {
      const far = words[i - 15] as number;
      const near = words[i - 2] as number;
      const first = (far >>> 7 | far << 25) ^ (far >>> 18 | far << 14) ^ far >>> 3;
      const second = (near >>> 17 | near << 15) ^ (near >>> 19 | near << 13) ^ near >>> 10;
      words[i] = (words[i - 16] as number) + first + (words[i - 7] as number) + second | 0;
    }
    mix(state, constants);
  }
}

/** Works one block in, which lies in `words`. */
function mix(state: Int32Array, constants: Int32Array): void {
  let a = state[0] as number, b = state[1] as number, c = state[2] as number;
  let d = state[3] as number, e = state[4] as number, f = state[5] as number;
  let g = state[6] as number, h = state[7] as number;
  for (let i = 0; i < ROUNDS; i++) {
    const turned = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const choice = (e & f) ^ (~e & g);
    const first = h + turned + choice + (constants[i] as number) + (words[i] as number) | 0;
    const other = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const second = other + ((a & b) ^ (a & c) ^ (b & c)) | 0;
    h = g;
    g = f;
    f = e;
    e = d + first | 0;
    d = c;
    c = b;
    b = a;
    a = first + second | 0;
  }
  const changes = [a, b, c, d, e, f, g, h] as const;
  for (let i = 0; i < 8; i++) state[i] = (state[i] as number) + (changes[i] as number) | 0;
}
