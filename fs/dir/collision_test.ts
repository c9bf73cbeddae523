import assert from "node:assert/strict";
import { DirHasher, HashVersion } from "../layout/dir_hash.ts";
import { InodeFlag } from "../layout/inode.ts";
import { contextOf } from "./context.ts";
import {
  nameOf,
  newSeed,
  Random,
  runTool,
  TestVolume,
  textOf,
  toolMissing,
  withFolder,
} from "./testing.ts";

const OPTIONS = ["-q", "-F", "-t", "ext4", "-b", "1024", "-O", "^has_journal"];
const MULTIPLIER = 7152373;
/** MULTIPLIER × INVERSE is 1 modulo 2^32. */
const INVERSE = inverse(MULTIPLIER);

function inverse(odd: number): number {
  let result = odd;
  for (let i = 0; i < 5; i++) result = Math.imul(result, 2 - Math.imul(odd, result));
  return result;
}

/** One step of the legacy hash. */
function step(previous: number, current: number, char: number): number {
  const next = (previous + (current ^ Math.imul(char, MULTIPLIER))) | 0;
  return next < 0 ? (next - 0x7fffffff) | 0 : next;
}

/** Names of 250 bytes with one legacy hash (signed chars): the last two characters are solved for. */
function sameHashNames(count: number): Uint8Array[] {
  const wanted = 0x12345678;
  const names: Uint8Array[] = [];
  let previous = 0x37abe8f9;
  let current = 0x12a3fe2d;
  const start = new Uint8Array(242).fill(0x61);
  for (const byte of start) [previous, current] = [current, step(previous, current, byte)];
  for (let counter = 0; names.length < count; counter++) {
    let a = previous;
    let b = current;
    for (let i = 0; i < 6; i++) {
      const next = step(a, b, 0x41 + ((counter >>> (i * 4)) & 15));
      a = b;
      b = next;
    }
    const last = solve(a, b, wanted);
    if (last === undefined) continue;
    const middle = Array.from({ length: 6 }, (_, i) => 0x41 + ((counter >>> (i * 4)) & 15));
    names.push(Uint8Array.of(...start, ...middle, ...last));
  }
  return names;
}

function solve(previous: number, current: number, wanted: number): Uint8Array | undefined {
  for (let char = 1; char < 128; char++) {
    if (char === 0x2f) continue;
    const next = step(previous, current, char);
    for (const raw of [wanted, (wanted + 0x7fffffff) | 0]) {
      const last = Math.imul((raw - current) ^ next, INVERSE);
      if (last < 1 || last > 127 || last === 0x2f) continue;
      if (step(current, next, last) === wanted) return Uint8Array.of(char, last);
    }
  }
  return undefined;
}

Deno.test({
  name: "names of one hash fill several leaves: added, found, read, removed; e2fsck agrees",
  ignore: toolMissing("tune2fs"),
  fn: () =>
    withFolder((folder) => {
      const path = `${folder}/legacy.img`;
      runTool("mke2fs", [...OPTIONS, path, "16M"]);
      runTool("tune2fs", ["-E", "hash_alg=legacy", path]);
      const volume = TestVolume.open(path);
      const dir = volume.mkdir(volume.root, "dir");
      const names = sameHashNames(8);
      const hasher = new DirHasher(0, 0, 0, 0);
      assert.equal(new Set(names.map((name) => hasher.hash(HashVersion.LEGACY, name))).size, 1);
      for (let i = 0; i < 400; i++) {
        volume.link(dir, nameOf(`other ${i}`));
        const name = names[i];
        if (name !== undefined) volume.link(dir, name);
      }
      assert.ok(dir.has(InodeFlag.INDEX));
      for (const name of names) assert.ok(volume.lookup(dir, name) > 0);
      for (const batch of [1, 7, 1000]) assert.equal(volume.list(dir, batch).size, 408);
      volume.check(folder);
      for (const name of names.slice(0, 5)) volume.unlink(dir, name);
      for (const name of names.slice(5)) assert.ok(volume.lookup(dir, name) > 0);
      assert.equal(volume.list(dir, 3).size, 403);
      volume.check(folder);
    }),
});

Deno.test({
  name: "a hash with few values: every leaf goes on with the one before",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const seed = newSeed();
      console.log(`seed ${seed}`);
      const random = new Random(seed);
      const path = `${folder}/weak.img`;
      runTool("mke2fs", [...OPTIONS, path, "32M"]);
      for (const values of [1, 2, 5]) {
        const volume = TestVolume.open(path);
        const { hasher } = contextOf(volume.alloc);
        hasher.half = (_version, bytes, start, end) => {
          let sum = 0;
          for (let i = start; i < end; i++) sum += bytes[i] ?? 0;
          hasher.minor = (sum % 3) << 12;
          return (sum % values) * 500;
        };
        compareWithModel(volume, random);
      }
    }),
});

function compareWithModel(volume: TestVolume, random: Random): void {
  const dir = volume.mkdir(volume.root, "dir");
  const model = new Map<string, number>();
  for (let i = 0; i < 4000; i++) {
    const name = nameOf(`name ${random.below(1500)}`);
    const text = textOf(name);
    const ino = volume.lookup(dir, name);
    assert.equal(ino, model.get(text) ?? 0);
    if (ino === 0) model.set(text, volume.link(dir, name));
    else if (random.below(2) === 0) {
      volume.unlink(dir, name);
      model.delete(text);
    }
    if (i % 500 === 0) {
      for (const batch of [1, 10, 1000]) {
        assert.deepEqual([...volume.list(dir, batch)].sort(), [...model].sort());
      }
    }
  }
}
