import assert from "node:assert/strict";
import { MemoryDevice } from "../device/memory.ts";
import { FsError } from "../errors.ts";
import { blockOf } from "../map/map.ts";
import { add, find, isEmpty, read, remove } from "./dir.ts";
import { nameOf, newSeed, Random, TestVolume, textOf, toolMissing, withFolder } from "./testing.ts";

/** Values that lengths, counts and block numbers are likely to be compared with. */
const NASTY = [0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 0x7f, 0x80, 0xff, 0x3f8, 0x400, 0xfff0, 0xffff];

/** Images tried a form. */
const ROUNDS = 60;

interface Sample {
  readonly image: Uint8Array;
  readonly ino: number;
  /** Byte offsets of the directory's blocks, and of its inode. */
  readonly places: readonly number[];
  readonly blockBytes: number;
}

function makeSample(folder: string, options: readonly string[], names: number): Sample {
  const volume = TestVolume.make(folder, options, "2M");
  const dir = volume.mkdir(volume.root, "dir");
  for (let i = 0; i < names; i++) volume.link(dir, nameOf(`name number ${i}`));
  const path = `${folder}/sample.img`;
  volume.save(path);
  const { blockBytes } = volume.volume.geometry;
  const places: number[] = [];
  if (dir.size < blockBytes) {
    const { inodes } = volume.volume;
    places.push(inodes.blockOf(dir.ino) * blockBytes + inodes.offsetOf(dir.ino));
  } else {
    for (let block = 0; block * blockBytes < dir.size; block++) {
      places.push(blockOf(volume.alloc, dir, block) * blockBytes);
    }
  }
  return { image: Deno.readFileSync(path), ino: dir.ino, places, blockBytes };
}

function mutate(sample: Sample, random: Random): Uint8Array {
  const image = sample.image.slice();
  const view = new DataView(image.buffer);
  const inline = sample.places.length === 1 && (sample.places[0] ?? 0) % sample.blockBytes !== 0;
  for (let i = 1 + random.below(4); i > 0; i--) {
    const place = sample.places[random.below(sample.places.length)] ?? 0;
    // Where an inode: i_size, flags and i_block on; mode and links stay, so that it is a directory still.
    const start = inline ? place + 0x1c : place;
    const span = inline ? 256 - 0x1c : random.below(2) === 0 ? 64 : sample.blockBytes;
    const at = start + (random.below(span) & ~1);
    const value = random.below(3) === 0 ? random.below(0x10000) : NASTY[random.below(NASTY.length)];
    view.setUint16(at, value ?? 0, true);
  }
  return image;
}

/** Does everything there is to do with a directory; errors of the engine are fine, other errors and hanging are not. */
function exercise(volume: TestVolume, ino: number, random: Random): void {
  const { alloc } = volume;
  const attempt = (body: () => void): void => {
    try {
      body();
    } catch (error) {
      if (!(error instanceof FsError) && !isAssertion(error)) throw error;
    }
  };
  attempt(() => {
    const dir = volume.volume.inodes.get(ino);
    attempt(() => isEmpty(alloc, dir));
    attempt(() => readAll(volume, ino));
    for (let i = 0; i < 30; i++) {
      const name = nameOf(`name number ${random.below(300)}`);
      attempt(() =>
        volume.operate((handle) => {
          if (find(alloc, dir, name, volume.slot) > 0) remove(alloc, handle, dir, volume.slot);
          return 0;
        })
      );
      const other = nameOf(`another name ${random.below(10000)}`);
      attempt(() => {
        volume.operate((handle) =>
          find(alloc, dir, other, volume.slot) === 0 ? add(alloc, handle, dir, other, 12, 1) : 0
        );
      });
    }
    attempt(() => readAll(volume, ino));
    attempt(() => volume.volume.commit(true));
  });
}

function isAssertion(error: unknown): boolean {
  return error instanceof assert.AssertionError;
}

function readAll(volume: TestVolume, ino: number): void {
  const dir = volume.volume.inodes.get(ino);
  let cookie = 0;
  for (let calls = 0; calls < 1000; calls++) {
    let left = 50;
    read(volume.alloc, dir, cookie, (bytes, start, end, _ino, next) => {
      const name = bytes.subarray(start, end);
      if (left-- === 0) return false;
      assert.ok(next > cookie, `cookie ${next} after ${cookie} for ${textOf(name)}`);
      cookie = next;
      return true;
    });
    if (left >= 0) return;
  }
  throw new Error("the directory has no end");
}

const FORMS: Readonly<Record<string, readonly [number, ...string[]]>> = {
  "index": [600, "-t", "ext2", "-b", "1024", "-O", "dir_index"],
  "index, two levels": [9000, "-t", "ext2", "-b", "1024", "-O", "dir_index"],
  "linear": [200, "-t", "ext2", "-b", "1024", "-O", "^dir_index"],
  "one block": [20, "-t", "ext2", "-b", "1024", "-O", "dir_index"],
  "inline": [5, "-t", "ext4", "-b", "1024", "-O", "inline_data,^has_journal,^metadata_csum"],
};

for (const [form, [names, ...options]] of Object.entries(FORMS)) {
  Deno.test({
    name: `bad directory blocks give errors, not crashes: ${form}`,
    ignore: toolMissing("mke2fs"),
    fn: () =>
      withFolder((folder) => {
        const seed = newSeed();
        console.log(`seed ${seed}`);
        const sample = makeSample(folder, options, names);
        for (let round = 0; round < ROUNDS; round++) {
          const random = new Random(seed + round);
          const image = mutate(sample, random);
          const started = performance.now();
          try {
            exercise(new TestVolume(MemoryDevice.from(image), () => {}), sample.ino, random);
          } catch (error) {
            throw new Error(`seed ${seed + round}`, { cause: error });
          }
          assert.ok(performance.now() - started < 3000, `seed ${seed + round} takes long`);
        }
      }),
  });
}

Deno.test({
  name: "a wrong checksum of a leaf, a node or a root is an error",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const options = ["-t", "ext4", "-b", "1024", "-O", "^has_journal"];
      const sample = makeSample(folder, options, 600);
      for (const place of sample.places) {
        const image = sample.image.slice();
        // The last byte of the last entry's slack, or of the entries' end, changes nothing but the checksum.
        image[place + 9] = (image[place + 9] ?? 0) ^ 1;
        const volume = new TestVolume(MemoryDevice.from(image), () => {});
        const dir = volume.volume.inodes.get(sample.ino);
        assert.throws(() => readAll(volume, dir.ino), { name: "Corrupt" });
      }
    }),
});
