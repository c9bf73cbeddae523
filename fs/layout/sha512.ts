/**
 * SHA-512 (FIPS 180-4), for digests of files under fs-verity: short and plain, for some hundred bytes.
 *
 * @module
 */

const ROUNDS = 80;
const BLOCK_BYTES = 128;
const MASK = 0xffff_ffff_ffff_ffffn;

interface Constants {
  readonly initial: readonly bigint[];
  readonly constants: readonly bigint[];
}

let derived: Constants | undefined;

/** The first 64 bits of the fractional parts of square and cube roots of the first primes. */
function derive(): Constants {
  const primes: number[] = [];
  for (let n = 2; primes.length < ROUNDS; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  const bits = (prime: number, power: bigint): bigint => {
    const wanted = BigInt(prime) << (64n * power);
    let root = 0n;
    for (let bit = 1n << 72n; bit > 0n; bit >>= 1n) {
      if ((root + bit) ** power <= wanted) root += bit;
    }
    return root & MASK;
  };
  return {
    initial: primes.slice(0, 8).map((prime) => bits(prime, 2n)),
    constants: primes.map((prime) => bits(prime, 3n)),
  };
}

/** The digest of `bytes`, 64 bytes. */
export function sha512(bytes: Uint8Array): Uint8Array {
  const { initial, constants } = derived ??= derive();
  const length = Math.ceil((bytes.length + 17) / BLOCK_BYTES) * BLOCK_BYTES;
  const view = new DataView(new ArrayBuffer(length));
  new Uint8Array(view.buffer).set(bytes);
  view.setUint8(bytes.length, 0x80);
  view.setBigUint64(length - 8, BigInt(bytes.length) * 8n);
  let state = [...initial];
  for (let at = 0; at < length; at += BLOCK_BYTES) state = mix(state, view, at, constants);
  const digest = new DataView(new ArrayBuffer(64));
  state.forEach((word, index) => digest.setBigUint64(index * 8, word));
  return new Uint8Array(digest.buffer);
}

function turn(word: bigint, bits: bigint): bigint {
  return (word >> bits | word << (64n - bits)) & MASK;
}

function schedule(view: DataView, at: number): bigint[] {
  const words: bigint[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    if (i < 16) {
      words.push(view.getBigUint64(at + 8 * i));
      continue;
    }
    const far = words[i - 15] ?? 0n;
    const near = words[i - 2] ?? 0n;
    const first = turn(far, 1n) ^ turn(far, 8n) ^ far >> 7n;
    const second = turn(near, 19n) ^ turn(near, 61n) ^ near >> 6n;
    words.push(((words[i - 16] ?? 0n) + first + (words[i - 7] ?? 0n) + second) & MASK);
  }
  return words;
}

function mix(
  state: readonly bigint[],
  view: DataView,
  at: number,
  constants: readonly bigint[],
): bigint[] {
  let [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n, g = 0n, h = 0n] = state;
  for (const [i, word] of schedule(view, at).entries()) {
    const choice = (e & f) ^ (~e & MASK & g);
    const first = h + (turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n)) + choice +
      (constants[i] ?? 0n) + word;
    const second = (turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) & MASK, c, b, a, (first + second) & MASK];
  }
  return [a, b, c, d, e, f, g, h].map((word, index) => (word + (state[index] ?? 0n)) & MASK);
}
