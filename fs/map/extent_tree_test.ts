import assert from "node:assert/strict";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { TestVolume } from "../alloc/testing.ts";
import { ENOSPC } from "../errno.ts";
import { extentDepth, extentEntries } from "../layout/extent.ts";
import { I_BLOCK_OFFSET } from "../layout/inode.ts";
import { toolMissing, withTempDir } from "../layout/testing.ts";
import {
  type AllocateOptions,
  allocateRange,
  blockOf,
  convertToWritten,
  lookup,
  newMapping,
  nextData,
  nextHole,
  protectJournal,
  removeRange,
  shiftRange,
} from "./map.ts";

const WRITTEN: AllocateOptions = {
  unwritten: false,
  privileged: true,
  append: false,
  metadata: false,
};
const UNWRITTEN = { ...WRITTEN, unwritten: true };

function testOnImage(
  name: string,
  options: readonly string[],
  mebibytes: number,
  body: (test: TestVolume) => void,
): void {
  Deno.test({
    name,
    ignore: toolMissing("mke2fs") || toolMissing("debugfs"),
    fn: () =>
      withTempDir((folder) => {
        body(TestVolume.make(folder, { options, sizeBytes: mebibytes << 20, files: 2 }));
      }),
  });
}

/** Maps a whole range. */
function allocateAll(
  test: TestVolume,
  number: number,
  from: number,
  blocks: number,
  options = WRITTEN,
): void {
  const out = newMapping();
  for (let at = from; at < from + blocks;) {
    const wanted = from + blocks - at;
    const result = test.run((handle) =>
      allocateRange(test.alloc, handle, test.file(number), at, wanted, options, out)
    );
    assert.ok(result > 0, `allocateRange answers ${result}`);
    at += result;
  }
}

function setSize(test: TestVolume, number: number, blocks: number): void {
  test.run((handle) => {
    const inode = test.file(number);
    inode.size = blocks * test.volume.geometry.blockBytes;
    test.volume.dirtyInode(handle, inode);
  });
}

/** The extents as debugfs lists them: [file block, disk block, blocks, unwritten]. */
function extentsByDebugfs(test: TestVolume, number: number): [number, number, number, boolean][] {
  const extents: [number, number, number, boolean][] = [];
  for (const line of test.debugfs(`ex -l <${test.file(number).ino}>`).split("\n")) {
    const fields = /^ *\d+\/ *\d+ +\d+\/ *\d+ +(\d+) - +\d+ +(\d+) - +\d+ +(\d+)(.*)$/.exec(line);
    if (fields === null) continue;
    const [, file, disk, blocks, flags] = fields;
    extents.push([Number(file), Number(disk), Number(blocks), (flags ?? "").includes("Uninit")]);
  }
  return extents;
}

/** The extents as lookups find them. */
function extentsByLookup(
  test: TestVolume,
  number: number,
  end: number,
): [number, number, number, boolean][] {
  const extents: [number, number, number, boolean][] = [];
  const out = newMapping();
  test.file(number).forgetMapping();
  for (let at = 0; at < end; at += out.blocks) {
    lookup(test.alloc, test.file(number), at, end - at, out);
    if (out.diskBlock !== 0) extents.push([at, out.diskBlock, out.blocks, out.unwritten]);
  }
  return extents;
}

function depthOf(test: TestVolume, number: number): number {
  return extentDepth(test.file(number).view, I_BLOCK_OFFSET);
}

testOnImage(
  "a tree of single blocks grows to depth 3, in full nodes, and shrinks to nothing",
  ["-b1024", "-N64", "-m0"],
  48,
  (test) => {
    const count = 30_000;
    for (let start = 0; start < count; start += 2000) {
      for (let i = start; i < start + 2000; i++) allocateAll(test, 0, 2 * i, 1);
      test.volume.commit(false);
    }
    setSize(test, 0, 2 * count);
    assert.equal(depthOf(test, 0), 3);
    // 84 entries a node.
    const leaves = Math.ceil(count / 84);
    const nodes = leaves + Math.ceil(leaves / 84) + Math.ceil(leaves / 84 / 84);
    const used = test.file(0).sectors / 2 - count;
    assert.ok(used <= nodes + 3, `${used} nodes, ${nodes} would do`);
    test.check();
    assert.deepEqual(extentsByDebugfs(test, 0), extentsByLookup(test, 0, 2 * count));

    const random = new Random(printedSeed("deep tree"));
    for (let punch = 0; punch < 3000; punch++) {
      const at = random.below(2 * count);
      const end = Math.min(2 * count, at + random.pick([1, 1, 2, 5, 200]));
      const stop = test.run((handle) =>
        removeRange(test.alloc, handle, test.file(0), at, end, 1000)
      );
      assert.equal(stop, at);
    }
    setSize(test, 0, 2 * count);
    test.check(true);
    test.reopen();
    assert.deepEqual(extentsByDebugfs(test, 0), extentsByLookup(test, 0, 2 * count));
    for (let end = 2 * count; end > 0;) {
      end = test.run((handle) => removeRange(test.alloc, handle, test.file(0), 0, end, 500));
      assert.ok(end >= 0);
    }
    assert.equal(test.file(0).sectors, 0);
    assert.equal(depthOf(test, 0), 0);
    setSize(test, 0, 0);
    test.check();
  },
);

testOnImage(
  "trees filled backwards and at random are good ones",
  ["-b1024", "-N64"],
  32,
  (test) => {
    const count = 6000;
    for (let i = count - 1; i >= 0; i--) allocateAll(test, 0, 2 * i, 1);
    const random = new Random(printedSeed("random order"));
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const other = random.below(i + 1);
      [order[i], order[other]] = [order[other] ?? 0, order[i] ?? 0];
    }
    for (const i of order) allocateAll(test, 1, 2 * i, 1);
    setSize(test, 0, 2 * count);
    setSize(test, 1, 2 * count);
    test.check(true);
    for (const number of [0, 1]) {
      assert.deepEqual(extentsByDebugfs(test, number), extentsByLookup(test, number, 2 * count));
    }
  },
);

testOnImage(
  "a file written from start to end is as few extents as can be",
  ["-b4096"],
  400,
  (test) => {
    allocateAll(test, 0, 0, 90_000, { ...WRITTEN, append: true });
    setSize(test, 0, 90_000);
    // Groups of 32768 blocks, some of which begin with metadata; extents of at most as many.
    const extents = extentsByLookup(test, 0, 90_000);
    assert.ok(extents.length <= 8, `${extents.length} extents`);
    test.check();
  },
);

testOnImage(
  "unwritten extents stop at 32767 blocks, written ones at 32768",
  ["-b4096", "-O^has_journal"],
  400,
  (test) => {
    const out = newMapping();
    const ask = (at: number, options: AllocateOptions): number =>
      test.run((handle) =>
        allocateRange(test.alloc, handle, test.file(0), at, 40_000, options, out)
      );
    assert.equal(ask(0, UNWRITTEN), 32_767);
    allocateAll(test, 0, 32_767, 10_000, UNWRITTEN);
    test.run((handle) =>
      assert.equal(convertToWritten(test.alloc, handle, test.file(0), 0, 42_767), 0)
    );
    setSize(test, 0, 42_767);
    for (const [, , blocks, unwritten] of extentsByLookup(test, 0, 42_767)) {
      assert.ok(!unwritten && blocks <= 32_768);
    }
    test.check();
  },
);

testOnImage(
  "writing into preallocated space block by block ends as one extent",
  ["-b4096"],
  64,
  (test) => {
    allocateAll(test, 0, 0, 2000, UNWRITTEN);
    const before = extentsByLookup(test, 0, 2000);
    for (let at = 0; at < 2000; at++) {
      test.run((handle) => convertToWritten(test.alloc, handle, test.file(0), at, 1));
    }
    const after = extentsByLookup(test, 0, 2000);
    assert.deepEqual(after, before.map(([file, disk, blocks]) => [file, disk, blocks, false]));
    // Every second block of a further one: the worst case.
    allocateAll(test, 0, 3000, 1600, UNWRITTEN);
    for (let at = 3000; at < 4600; at += 2) {
      test.run((handle) => convertToWritten(test.alloc, handle, test.file(0), at, 1));
    }
    setSize(test, 0, 4600);
    test.check();
    assert.equal(extentEntries(test.file(0).view, I_BLOCK_OFFSET) > 0, true);
    assert.deepEqual(extentsByDebugfs(test, 0), extentsByLookup(test, 0, 4600));
    for (let at = 3001; at < 4600; at += 2) {
      test.run((handle) => convertToWritten(test.alloc, handle, test.file(0), at, 1));
    }
    assert.equal(depthOf(test, 0), 0);
    test.check();
  },
);

testOnImage("data and holes are told apart; unwritten blocks are holes", ["-b1024"], 16, (test) => {
  allocateAll(test, 0, 10, 5);
  allocateAll(test, 0, 15, 5, UNWRITTEN);
  allocateAll(test, 0, 1000, 1);
  const inode = test.file(0);
  assert.equal(nextData(test.alloc, inode, 0, 2000), 10);
  assert.equal(nextHole(test.alloc, inode, 0, 2000), 0);
  assert.equal(nextHole(test.alloc, inode, 10, 2000), 15);
  assert.equal(nextData(test.alloc, inode, 15, 2000), 1000);
  assert.equal(nextData(test.alloc, inode, 1001, 2000), 2000);
  assert.notEqual(blockOf(test.alloc, inode, 12), 0);
  assert.equal(blockOf(test.alloc, inode, 20), 0);
});

testOnImage("ranges are inserted and collapsed in a deep tree", ["-b1024", "-N64"], 32, (test) => {
  for (let i = 0; i < 3000; i++) allocateAll(test, 0, 3 * i, 2);
  const before = extentsByLookup(test, 0, 9000);
  const shift = (from: number, delta: number): number =>
    test.run((handle) => shiftRange(test.alloc, handle, test.file(0), from, delta));
  // Block 3001 is in the middle of an extent.
  assert.equal(shift(3001, 500), 0);
  assert.equal(blockOf(test.alloc, test.file(0), 3001), 0);
  setSize(test, 0, 9500);
  test.check(true);
  assert.equal(shift(3501, -500), 0);
  assert.deepEqual(extentsByLookup(test, 0, 9000), before);
  assert.equal(shift(3001, -500) < 0, true);
  assert.equal(shift(0, 0xffffffff - 8000) < 0, true);
  assert.deepEqual(extentsByLookup(test, 0, 9000), before);
  setSize(test, 0, 9000);
  test.check(true);
});

testOnImage(
  "when no node can be had, a change is refused and nothing has changed",
  ["-b1024", "-m0", "-N64"],
  8,
  (test) => {
    allocateAll(test, 0, 0, 400, UNWRITTEN);
    const out = newMapping();
    let at = 0;
    while (
      test.run((handle) =>
        allocateRange(test.alloc, handle, test.file(1), at, 100_000, UNWRITTEN, out)
      ) > 0
    ) at += out.blocks;
    assert.equal(test.alloc.freeBlocks(), 0);
    setSize(test, 0, 400);
    setSize(test, 1, at);
    test.volume.commit(false);
    const before = extentsByLookup(test, 0, 400);
    assert.equal(before.length, 1);
    // The root has room for three more.
    const convert = (block: number): number =>
      test.run((handle) => convertToWritten(test.alloc, handle, test.file(0), block, 1));
    assert.equal(convert(100), 0);
    assert.equal(convert(200), -ENOSPC);
    assert.equal(extentsByLookup(test, 0, 400).length, 3);
    const punch = (from: number): number =>
      test.run((handle) => removeRange(test.alloc, handle, test.file(0), from, from + 1, 10));
    assert.equal(punch(0), 0);
    assert.equal(punch(50), 50);
    assert.equal(punch(300) < 0, true);
    assert.equal(extentsByLookup(test, 0, 400).length, 4);
    test.check();
    assert.equal(punch(300), 300);
    test.check();
  },
);

testOnImage("the journal is protected once it is known", ["-b1024"], 16, (test) => {
  const { alloc, volume } = test;
  const journal = volume.inodes.load(volume.superblock.journalInode);
  const block = blockOf(alloc, journal, 0);
  assert.ok(block > 0 && !alloc.isSystemBlock(block, 1));
  protectJournal(alloc);
  assert.ok(alloc.isSystemBlock(block, 1));
  journal.mapChecked = false;
  journal.forgetMapping();
  assert.equal(blockOf(alloc, journal, 0), block);
});
