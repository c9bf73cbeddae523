import assert from "node:assert/strict";
import { createMemoryImage, type FormatOptions, FsError, MemoryImage, open } from "../../mod.ts";
import { memoryMustBeClean } from "../harness/library.ts";
import { Allocator } from "../../fs/alloc/allocator.ts";
import type { Log } from "../../fs/journal/log.ts";
import type { BlockDevice } from "../../fs/device/device.ts";
import { DeviceError, FsError as EngineError } from "../../fs/errors.ts";
import { crc32c } from "../../fs/layout/crc32c.ts";
import { FastCommitTag } from "../../fs/layout/fast_commit.ts";
import { Incompat } from "../../fs/layout/features.ts";
import { InodeFlag } from "../../fs/layout/inode.ts";
import { JournalIncompat } from "../../fs/layout/journal.ts";
import { Volume } from "../../fs/volume/volume.ts";
import { findLog } from "../../fs/ops/find_log.ts";

const BLOCK_BYTES = 4096;

interface Base {
  readonly memory: MemoryImage;
  readonly log: Log;
  /** Inode numbers. */
  readonly root: number;
  readonly file: number;
  readonly dir: number;
  readonly unused: number;
  /** A free block, and one of the file's. */
  readonly free: number;
  readonly data: number;
  /** The file's inode as it is. */
  readonly inode: Uint8Array;
}

/** An image that was not unmounted: an empty log, and room for fast commits. */
function makeBase(format: FormatOptions = {}): Base {
  const memory = createMemoryImage(64 << 20, {
    blockBytes: BLOCK_BYTES,
    ...format,
    features: ["fast_commit", ...format.features ?? []],
  });
  const made = open(memory);
  made.writeFile("file", new Uint8Array(3 * BLOCK_BYTES).fill(7));
  made.mkdir("dir");
  const [file, dir] = [made.stat("file").ino, made.stat("dir").ino];
  made.close();
  const volume = new Volume(memory, {
    readOnly: false,
    cacheBytes: 1 << 20,
    cachedInodes: 100,
    clock: { seconds: 0, nanoseconds: 0, read: () => {} },
    report: () => {},
  });
  const log = findLog(new Allocator(volume), null);
  log.superblock.featureIncompat |= JournalIncompat.FAST_COMMIT;
  log.superblock.startBlock = 1;
  log.superblock.sequence = 77;
  log.writeSuperblock();
  volume.superblock.featureIncompat |= Incompat.RECOVER;
  volume.writeSuperblock();
  const inode = volume.inodes.load(file);
  return {
    memory,
    log,
    root: 2,
    file,
    dir,
    unused: 500,
    free: volume.geometry.blocksCount - 40,
    // The first pointer of a block map, the first extent's ee_start_lo.
    data: inode.view.getUint32(inode.has(InodeFlag.EXTENTS) ? 0x28 + 12 + 8 : 0x28, true),
    inode: inode.raw.slice(),
  };
}

type Record = readonly [tag: number, value: Uint8Array];

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function named(parent: number, ino: number, name: string): Uint8Array {
  return Uint8Array.from([...words(parent, ino), ...new TextEncoder().encode(name)]);
}

/** The value of an ADD_RANGE record. */
function mapped(ino: number, fileBlock: number, blocks: number, diskBlock: number): Uint8Array {
  return Uint8Array.from([
    ...words(ino, fileBlock),
    blocks & 255,
    blocks >> 8,
    0,
    0,
    ...words(diskBlock),
  ]);
}

/** Writes a fast commit of these records; with `damage`, its checksum is wrong. */
function writeCommit({ log }: Base, records: readonly Record[], at = 0, damage = false): void {
  const bytes = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(bytes.buffer);
  let end = 0;
  const put = (tag: number, value: Uint8Array, length = value.length): void => {
    view.setUint16(end, tag, true);
    view.setUint16(end + 2, length, true);
    bytes.set(value, end + 4);
    end += 4 + length;
  };
  if (at === 0) put(FastCommitTag.HEAD, words(0, 77));
  for (const [tag, value] of records) put(tag, value);
  const tail = end;
  put(FastCommitTag.TAIL, words(77, 0), BLOCK_BYTES - end - 4);
  const crc = crc32c(0, bytes, 0, tail + 8);
  view.setUint32(tail + 8, damage ? crc ^ 1 : crc, true);
  log.device.write(bytes, log.offsetOf(log.superblock.logEndBlock + 1 + at));
}

/** The record of an inode like the file's, changed. */
function inodeRecord(base: Base, ino: number, change: (view: DataView) => void): Record {
  const bytes = base.inode.slice(0, 160);
  change(new DataView(bytes.buffer));
  return [FastCommitTag.INODE, Uint8Array.from([...words(ino), ...bytes])];
}

const MODE = 0x0;
const SIZE = 0x4;
const LINKS = 0x1a;
const GENERATION = 0x64;

/** Images whose blocks are single ones. */
const SINGLE: Readonly<globalThis.Record<string, FormatOptions>> = {
  "extents": {},
  "block maps": { features: ["^extent", "^64bit"] },
  "quotas": { features: ["quota", "project"], quotaTypes: ["user", "group", "project"] },
};

for (const [form, format] of Object.entries(SINGLE)) {
  Deno.test(`fast commits are replayed, shown and not shown twice: ${form}`, () => {
    replayOnce(makeBase(format));
  });
}

function replayOnce(base: Base): void {
  const { dir, file, free, root, unused } = base;
  writeCommit(base, [
    inodeRecord(base, unused, (view) => {
      view.setUint32(GENERATION, 5, true);
      view.setUint32(SIZE, 2 * BLOCK_BYTES, true);
      view.setUint16(LINKS, 2, true);
    }),
    [FastCommitTag.ADD_RANGE, mapped(unused, 0, 2, free)],
    [FastCommitTag.CREAT, named(root, unused, "made")],
    [FastCommitTag.LINK, named(dir, unused, "linked")],
    [FastCommitTag.PAD, new Uint8Array(100)],
    [FastCommitTag.UNLINK, named(root, file, "file")],
    [FastCommitTag.LINK, named(root, file, "renamed")],
    [FastCommitTag.DEL_RANGE, words(file, 1, 2)],
    inodeRecord(base, file, (view) => view.setUint16(LINKS, 1, true)),
  ]);
  // The blocks change their owner within one fast commit.
  writeCommit(base, [
    [FastCommitTag.ADD_RANGE, mapped(unused, 5, 1, base.data)],
    [FastCommitTag.DEL_RANGE, words(file, 0, 1)],
    inodeRecord(base, unused, (view) => {
      view.setUint32(GENERATION, 5, true);
      view.setUint32(SIZE, 6 * BLOCK_BYTES, true);
      view.setUint16(LINKS, 2, true);
    }),
  ], 1);
  writeCommit(base, [[FastCommitTag.UNLINK, named(root, unused, "made")]], 2, true);
  base.memory.write(new Uint8Array(2 * BLOCK_BYTES).fill(9), free * BLOCK_BYTES);
  const before = base.memory.toUint8Array();
  {
    using image = open(base.memory, { readOnly: true });
    assert.equal(image.readFile("made").length, 6 * BLOCK_BYTES);
    assert.ok(!image.exists("file"));
  }
  assert.deepEqual(base.memory.toUint8Array(), before, "nothing is written by looking");
  {
    using image = open(base.memory);
    const made = image.readFile("made");
    const bytes = [0, 2, 5].map((block) => made[block * BLOCK_BYTES]);
    assert.deepEqual(bytes, [9, 0, 7]);
    assert.deepEqual(image.readFile("dir/linked"), made);
    assert.equal(image.stat("renamed").size, 3 * BLOCK_BYTES);
    assert.ok(image.readFile("renamed").every((byte) => byte === 0));
  }
  memoryMustBeClean(base.memory);
}

Deno.test("fast commits are replayed with clusters, whole ones and parts of the file's own", () => {
  const base = makeBase({ features: ["bigalloc"], clusterBytes: 4 * BLOCK_BYTES });
  const { root, unused, data, file } = base;
  // The file has blocks 0 to 2 of a cluster; its block 3 joins them, 4 to 9 come behind.
  const cluster = Math.floor(base.free / 4) * 4;
  const record = (ino: number, blocks: number): Record =>
    inodeRecord(base, ino, (view) => view.setUint32(SIZE, blocks * BLOCK_BYTES, true));
  writeCommit(base, [
    [FastCommitTag.ADD_RANGE, mapped(file, 3, 1, data + 3)],
    [FastCommitTag.ADD_RANGE, mapped(file, 4, 6, cluster)],
    record(file, 10),
    record(unused, 9),
    [FastCommitTag.ADD_RANGE, mapped(unused, 7, 2, cluster + 11)],
    [FastCommitTag.CREAT, named(root, unused, "made")],
  ]);
  // A part of a cluster goes, then what is left of it, and another file gets it.
  writeCommit(base, [[FastCommitTag.DEL_RANGE, words(file, 8, 1)], record(file, 10)], 1);
  writeCommit(base, [
    [FastCommitTag.DEL_RANGE, words(file, 8, 2)],
    record(file, 8),
    [FastCommitTag.ADD_RANGE, mapped(unused, 1, 2, cluster + 5)],
    record(unused, 9),
  ], 2);
  base.memory.write(new Uint8Array(16 * BLOCK_BYTES).fill(9), cluster * BLOCK_BYTES);
  {
    using image = open(base.memory);
    assert.equal(image.stat("file").size, 8 * BLOCK_BYTES);
    assert.equal(image.readFile("file")[7 * BLOCK_BYTES], 9);
    const made = image.readFile("made");
    const bytes = Array.from({ length: 9 }, (_, block) => made[block * BLOCK_BYTES]);
    assert.deepEqual(bytes, [0, 9, 9, 0, 0, 0, 0, 9, 9]);
  }
  memoryMustBeClean(base.memory);
});

Deno.test("with clusters, a fast commit cannot split one", () => {
  for (const [fileBlock, shift] of [[3, 0], [5, 4], [3, 7]] as const) {
    const base = makeBase({ features: ["bigalloc"], clusterBytes: 4 * BLOCK_BYTES });
    const cluster = Math.floor(base.free / 4) * 4;
    writeCommit(base, [
      [FastCommitTag.ADD_RANGE, mapped(base.file, fileBlock, 1, cluster + shift)],
    ]);
    assert.throws(() => open(base.memory).close(), isTyped, `${fileBlock} at ${shift}`);
  }
});

/** A device that takes so many writes and fails at the next. */
function failingAfter(memory: MemoryImage, writes: number): BlockDevice {
  let left = writes;
  return new Proxy<BlockDevice>(memory, {
    get(target, key: keyof BlockDevice) {
      const value = target[key];
      if (typeof value !== "function") return value;
      if (key !== "write" && key !== "writeVector") return value.bind(target);
      return (...given: unknown[]) => {
        if (left-- <= 0) throw new DeviceError("write", 0, 0, "cut off");
        return Reflect.apply(value, target, given);
      };
    },
  });
}

Deno.test("a replay that is cut off anywhere can be done again", () => {
  const { memory } = (() => {
    const base = makeBase();
    writeCommit(base, [
      inodeRecord(base, base.unused, (view) => {
        view.setUint32(GENERATION, 5, true);
        view.setUint32(SIZE, 2 * BLOCK_BYTES, true);
      }),
      [FastCommitTag.ADD_RANGE, mapped(base.unused, 0, 2, base.free)],
      [FastCommitTag.CREAT, named(base.root, base.unused, "made")],
      [FastCommitTag.UNLINK, named(base.root, base.file, "file")],
      [FastCommitTag.DEL_RANGE, words(base.file, 1, 2)],
    ]);
    return base;
  })();
  const content = memory.toUint8Array();
  for (let writes = 0;; writes += writes < 8 ? 2 : 9) {
    const copy = MemoryImage.from(content);
    let isDone = true;
    try {
      open(failingAfter(copy, writes)).close();
    } catch {
      isDone = false;
    }
    using image = open(copy);
    assert.ok(image.exists("made") && !image.exists("file"), `after ${writes} writes`);
    assert.equal(image.stat("made").size, 2 * BLOCK_BYTES);
    image.close();
    memoryMustBeClean(copy, `after ${writes} writes`);
    if (isDone) break;
  }
});

Deno.test("fast commits of another transaction, or without a head, are not replayed", () => {
  for (const sequence of [76, 78]) {
    const base = makeBase();
    writeCommit(base, [[FastCommitTag.UNLINK, named(2, 12, "file")]]);
    base.log.superblock.sequence = sequence;
    base.log.writeSuperblock();
    using image = open(base.memory);
    assert.ok(image.exists("file"));
  }
  const base = makeBase();
  writeCommit(base, [[FastCommitTag.UNLINK, named(2, 12, "file")]], 1);
  using image = open(base.memory);
  assert.ok(image.exists("file"));
});

/** The library gives every error its own type; what lies below must have one too. */
function isTyped(error: unknown): boolean {
  return error instanceof FsError && error.cause instanceof EngineError;
}

/** What no fast commit can say of the image. */
const HOSTILE: Readonly<globalThis.Record<string, (base: Base) => Record>> = {
  "a block beyond the end": ({ file }) => [FastCommitTag.ADD_RANGE, mapped(file, 9, 4, 0x7fffffff)],
  "block 0": ({ file }) => [FastCommitTag.ADD_RANGE, mapped(file, 9, 1, 0)],
  "fixed metadata": ({ file }) => [FastCommitTag.ADD_RANGE, mapped(file, 9, 1, 1)],
  "another's block": ({ file, data }) => [FastCommitTag.ADD_RANGE, mapped(file, 9, 1, data + 1)],
  "an inode out of range": (base) => inodeRecord(base, 0x7fffffff, () => {}),
  "a reserved inode": (base) => inodeRecord(base, 8, () => {}),
  "no type": (base) => inodeRecord(base, base.unused, (view) => view.setUint16(MODE, 0o644, true)),
  "another type": (base) =>
    inodeRecord(base, base.file, (view) => view.setUint16(MODE, 0o40755, true)),
  "an attribute block": (base) =>
    inodeRecord(base, base.file, (view) => view.setUint32(0x68, 3, true)),
  "a long extra part": (base) =>
    inodeRecord(base, base.unused, (view) => view.setUint16(0x80, 100, true)),
  "a name in no directory": ({ file }) => [FastCommitTag.CREAT, named(file, file, "x")],
  "a name in an unused directory": ({ file, unused }) => [
    FastCommitTag.CREAT,
    named(unused, file, "x"),
  ],
  "a name of an unused inode": ({ unused }) => [FastCommitTag.CREAT, named(2, unused, "x")],
  "blocks of a directory": () => [FastCommitTag.DEL_RANGE, words(2, 0, 1)],
  "blocks of the journal": ({ unused }) => [FastCommitTag.DEL_RANGE, words(8, 0, unused)],
};

Deno.test("fast commits that contradict the image end in typed errors, and nothing is written", () => {
  for (const [what, record] of Object.entries(HOSTILE)) {
    const base = makeBase();
    writeCommit(base, [record(base)]);
    const before = base.memory.toUint8Array();
    assert.throws(() => open(base.memory).close(), isTyped, what);
    assert.deepEqual(base.memory.toUint8Array(), before, what);
  }
});

Deno.test("random records end in a state or in typed errors", () => {
  let seed = 1;
  const random = (bound: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % bound;
  };
  const numbers = [0, 1, 2, 8, 11, 12, 13, 14, 500, 0x7fffffff];
  const number = (): number => numbers[random(numbers.length)] ?? 0;
  for (let round = 0; round < 60; round++) {
    const base = makeBase();
    const records = Array.from({ length: 1 + random(6) }, (): Record => {
      switch (random(4)) {
        case 0:
          return [
            FastCommitTag.ADD_RANGE,
            mapped(number(), random(20), 1 + random(9), random(17000)),
          ];
        case 1:
          return [FastCommitTag.DEL_RANGE, words(number(), random(4), random(0x7fffffff))];
        case 2:
          return [3 + random(3), named(number(), number(), ["file", "dir", "x"][random(3)] ?? "")];
        default:
          return inodeRecord(base, number(), (view) => view.setUint8(random(160), random(256)));
      }
    });
    writeCommit(base, records);
    try {
      open(base.memory).close();
    } catch (error) {
      assert.ok(isTyped(error), `round ${round}: ${error}`);
    }
  }
});
