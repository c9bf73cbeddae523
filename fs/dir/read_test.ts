import assert from "node:assert/strict";
import type { Inode } from "../volume/inode.ts";
import { blockOf } from "../map/map.ts";
import { read } from "./dir.ts";
import { nameOf, newSeed, Random, TestVolume, textOf, toolMissing, withFolder } from "./testing.ts";

/** A reader that takes a few entries a call, as a program does. */
class Reader {
  readonly seen = new Map<string, number>();
  #cookie = 0;
  ended = false;

  constructor(readonly volume: TestVolume, readonly dir: Inode) {}

  take(count: number): void {
    let left = count;
    let stopped = false;
    read(this.volume.alloc, this.dir, this.#cookie, (bytes, start, end, _ino, next) => {
      const name = bytes.subarray(start, end);
      if (left-- === 0) {
        stopped = true;
        return false;
      }
      const text = textOf(name);
      this.seen.set(text, (this.seen.get(text) ?? 0) + 1);
      this.#cookie = next;
      return true;
    });
    this.ended = !stopped;
  }
}

/** Reads in small pieces while names come and go, and checks what POSIX asks of readdir. */
function readWhileChanging(volume: TestVolume, dir: Inode, random: Random): void {
  const initial = [...volume.list(dir).keys()];
  const staying = new Set(initial);
  const reader = new Reader(volume, dir);
  let next = 0;
  const added: string[] = [];
  while (!reader.ended) {
    reader.take(1 + random.below(8));
    for (let i = random.below(6); i > 0; i--) {
      const text = `new ${random.below(1000)} ${next++}`;
      volume.link(dir, nameOf(text));
      added.push(text);
    }
    for (let i = random.below(3); i > 0; i--) {
      const pool = random.below(3) === 0 ? added : initial;
      const index = random.below(Math.max(1, pool.length));
      const text = pool[index];
      if (text === undefined) continue;
      pool[index] = pool.at(-1) ?? "";
      pool.pop();
      staying.delete(text);
      volume.unlink(dir, nameOf(text));
    }
    if (next > 5000) break;
  }
  while (!reader.ended) reader.take(50);
  for (const [text, times] of reader.seen) assert.equal(times, 1, `given ${times} times: ${text}`);
  for (const text of staying) assert.ok(reader.seen.has(text), `missed: ${text}`);
  assert.ok(reader.seen.has(".") && reader.seen.has(".."));
}

const FORMS: Readonly<Record<string, readonly string[]>> = {
  "index": ["-t", "ext4", "-b", "1024", "-O", "^has_journal"],
  "index without checksums": ["-t", "ext2", "-b", "1024", "-O", "dir_index"],
  "no index": ["-t", "ext4", "-b", "1024", "-O", "^has_journal,^dir_index"],
  "inline": ["-t", "ext4", "-b", "1024", "-I", "512", "-O", "^has_journal,inline_data"],
  "inline, no index": [
    "-t",
    "ext4",
    "-b",
    "1024",
    "-I",
    "512",
    "-O",
    "^has_journal,inline_data,^dir_index",
  ],
};

for (const [form, options] of Object.entries(FORMS)) {
  Deno.test({
    name: `reading goes on while names come and go: ${form}`,
    ignore: toolMissing("mke2fs"),
    fn: () =>
      withFolder((folder) => {
        const seed = newSeed();
        console.log(`seed ${seed}`);
        const random = new Random(seed);
        const volume = TestVolume.make(folder, options, "16M");
        // From nothing (and so through the change of form), and from directories of several leaves.
        for (const start of [0, 3, 10, 30, 200, 1000]) {
          const dir = volume.mkdir(volume.root, `dir${start}`);
          for (let i = 0; i < start; i++) volume.link(dir, nameOf(`old ${i}`));
          readWhileChanging(volume, dir, random);
        }
      }),
  });
}

Deno.test({
  name: "all names may be removed while they are read",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const volume = TestVolume.make(folder, FORMS["index"] ?? [], "16M");
      const dir = volume.mkdir(volume.root, "dir");
      for (let i = 0; i < 3000; i++) volume.link(dir, nameOf(`name ${i}`));
      let removed = 0;
      let cookie = 0;
      for (let count = 1; count > 0;) {
        const batch: string[] = [];
        read(volume.alloc, dir, cookie, (bytes, start, end, _ino, next) => {
          const name = bytes.subarray(start, end);
          if (batch.length === 37) return false;
          batch.push(textOf(name));
          cookie = next;
          return true;
        });
        const names = batch.filter((text) => text !== "." && text !== "..");
        for (const text of names) volume.unlink(dir, nameOf(text));
        removed += names.length;
        count = batch.length;
      }
      assert.equal(removed, 3000);
      assert.equal(volume.list(dir).size, 0);
      volume.check(folder);
    }),
});

Deno.test({
  name: "a large directory is read in large pieces; each block is checked all the same",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const volume = TestVolume.make(folder, ["-t", "ext4", "-b", "4096"], "64M");
      const dir = volume.mkdir(volume.root, "dir");
      for (let i = 0; i < 20_000; i++) volume.link(dir, nameOf(`name ${i}`));
      volume.volume.commit(false);
      const { cache } = volume.volume;
      const names = [...volume.list(dir).keys()].sort();
      cache.clear();
      const before = cache.counters.misses;
      assert.deepEqual([...volume.list(dir).keys()].sort(), names);
      const blocks = dir.size / 4096;
      const reads = cache.counters.misses - before;
      assert.ok(blocks > 100 && reads < blocks / 8, `${reads} reads of ${blocks} blocks`);
      cache.clear();
      const middle = blockOf(volume.alloc, dir, blocks >> 1);
      volume.device.write(Uint8Array.of(0xff), middle * 4096 + 2000);
      assert.throws(() => volume.list(dir), /checksum does not match/);
    }),
});
