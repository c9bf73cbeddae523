import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { DirHasher, effectiveHashVersion, HASH_EOF, HashVersion } from "./dir_hash.ts";
import { runTool, withTempDir } from "./testing.ts";

/** What debugfs splits or quotes command lines on, and what it takes for an option. */
const NOT_IN_COMMANDS = [0, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x27, 0x2d, 0x2f];

/** xorshift32, so that a failing run can be repeated from its seed. */
function* randomWords(seed: number): Generator<number, never> {
  let x = seed | 1;
  while (true) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

function sampleNames(random: Generator<number, never>): Uint8Array[] {
  const names = [..."abcdefgh"].map((letter) => new TextEncoder().encode(letter.repeat(3)));
  for (let length = 1; length <= 255; length++) {
    const name = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      do {
        name.fill(random.next().value & (length % 3 === 0 ? 0x7f : 0xff), i, i + 1);
      } while (NOT_IN_COMMANDS.includes(name.at(i) ?? 0));
    }
    names.push(name);
  }
  return names;
}

function seedAsUuid(seed: readonly number[]): string {
  const bytes = new DataView(new ArrayBuffer(16));
  seed.forEach((word, index) => bytes.setUint32(index * 4, word, true));
  const hex = Buffer.from(bytes.buffer).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

testWith({
  name: "every hash version gives what debugfs dx_hash gives",
  needs: [programs("debugfs")],
  fn: () =>
    withTempDir((dir) => {
      const randomSeed = (Date.now() ^ 0x5bd1e995) >>> 0;
      const random = randomWords(randomSeed);
      const names = sampleNames(random);
      const seeds = [[0, 0, 0, 0], [1, 2, 3, 4].map(() => random.next().value)];
      const cases = seeds.flatMap((seed) =>
        [0, 1, 2, 3, 4, 5].flatMap((version) => names.map((name) => ({ seed, version, name })))
      );
      const lines = cases.map(({ seed, version, name }) =>
        Buffer.concat([
          Buffer.from(`dx_hash -h ${version} -s ${seedAsUuid(seed)} `),
          name,
          Buffer.from("\n"),
        ])
      );
      Deno.writeFileSync(`${dir}/commands`, Buffer.concat(lines));
      const output = Buffer.from(runTool("debugfs", ["-f", `${dir}/commands`]));
      const results = [
        ...output.toString("latin1").matchAll(/ is 0x([0-9a-f]+) \(minor 0x([0-9a-f]+)\)\n/g),
      ];
      assert.equal(results.length, cases.length);
      cases.forEach(({ seed, version, name }, index) => {
        const hasher = new DirHasher(seed[0] ?? 0, seed[1] ?? 0, seed[2] ?? 0, seed[3] ?? 0);
        const major = hasher.hash(version, name);
        const told = `seed ${randomSeed} version ${version} name ${Buffer.from(name)}`;
        assert.equal(major.toString(16), results[index]?.[1], told);
        assert.equal((hasher.minor >>> 0).toString(16), results[index]?.[2], told);
      });
    }),
});

Deno.test("known hashes: half-MD4 with the default seed", () => {
  const hasher = new DirHasher(0, 0, 0, 0);
  assert.equal(
    hasher.hash(HashVersion.HALF_MD4, new TextEncoder().encode("hello")),
    0x1746da32,
  );
  assert.equal(hasher.minor, 0x420013b5);
});

Deno.test("a hash does not depend on where the name lies, nor on the call before", () => {
  const hasher = new DirHasher(1, 2, 3, 4);
  const name = Uint8Array.from({ length: 40 }, (_, index) => 0x61 + index % 26);
  const around = Uint8Array.of(1, 2, 3, ...name, 9, 9);
  for (let version = 0; version <= 5; version++) {
    const major = hasher.hash(version, name);
    const minor = hasher.minor;
    hasher.hash(version, Uint8Array.of(0xff, 0xfe));
    assert.equal(hasher.hash(version, around, 3, 43), major);
    assert.equal(hasher.minor, minor);
    assert.equal(major & 1, 0);
    assert.ok(major >= 0 && major < HASH_EOF);
  }
});

Deno.test("an unknown version hashes to -1; stored versions become unsigned by the superblock's flag", () => {
  assert.equal(new DirHasher(0, 0, 0, 0).hash(HashVersion.SIPHASH, Uint8Array.of(1)), -1);
  assert.equal(new DirHasher(0, 0, 0, 0).hash(7, Uint8Array.of(1)), -1);
  assert.equal(effectiveHashVersion(1, true), 4);
  assert.equal(effectiveHashVersion(1, false), 1);
  assert.equal(effectiveHashVersion(6, true), 6);
});

Deno.test("no name hashes to the value that marks the end of a directory", () => {
  // The legacy hash of these names is the marker, before the rule that moves it.
  const hasher = new DirHasher(0, 0, 0, 0);
  for (const name of [[97, 26, 113, 83, 167], [100, 16, 30, 95, 212]]) {
    assert.equal(
      hasher.hash(HashVersion.LEGACY_UNSIGNED, Uint8Array.from(name)),
      HASH_EOF - 2,
    );
  }
});
