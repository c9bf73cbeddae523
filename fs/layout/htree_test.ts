import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Corrupt } from "../errors.ts";
import { DirHasher, effectiveHashVersion } from "./dir_hash.ts";
import { direntInode, direntNameLen, direntRecLen } from "./dirent.ts";
import {
  corruptHtree,
  htreeBlock,
  htreeCount,
  htreeHash,
  htreeLimit,
  htreeNodeProblem,
  htreeRootProblem,
  NODE_ENTRIES_OFFSET,
  nodeLimit,
  ROOT_ENTRIES_OFFSET,
  rootHashVersion,
  rootIndirectLevels,
  rootLimit,
  setHtreeBlockChecksum,
  setHtreeCount,
  setHtreeEntry,
  setRootIndirectLevels,
  verifyHtreeBlock,
  writeHtreeNode,
  writeHtreeRoot,
} from "./htree.ts";
import type { InodeRecord } from "./inode.ts";
import { FLAG_UNSIGNED_HASH } from "./superblock.ts";
import { viewOf, withFlippedBytes } from "./testing.ts";
import { manifestEntry, TestVolume } from "./testing_volume.ts";

Deno.test("limits are those of the kernel for each block size", () => {
  assert.deepEqual([1024, 4096, 65536].map((size) => rootLimit(size, false)), [124, 508, 8188]);
  assert.deepEqual([1024, 4096, 65536].map((size) => rootLimit(size, true)), [123, 507, 8187]);
  assert.deepEqual([1024, 4096, 65536].map((size) => nodeLimit(size, false)), [127, 511, 8191]);
  assert.deepEqual([1024, 4096, 65536].map((size) => nodeLimit(size, true)), [126, 510, 8190]);
});

/** An indexed directory of the golden image. */
class Directory {
  readonly volume = TestVolume.fixture("htree");
  readonly inode: InodeRecord;
  readonly blocks: Map<number, number>;

  constructor(path: string) {
    this.inode = this.volume.inode(manifestEntry("htree", path).inode);
    this.blocks = this.volume.blocksOf(this.inode);
  }

  block(fileBlock: number): Uint8Array {
    return this.volume.block(this.blocks.get(fileBlock) ?? 0);
  }

  rootProblem(view: DataView): string | undefined {
    return htreeRootProblem(view, true, true, this.blocks.size);
  }
}

/** All names of a leaf, each of which must hash into `[low, high)`. */
function leafNames(directory: Directory, fileBlock: number, low: number, high: number): string[] {
  const { superblock } = directory.volume;
  const hasher = new DirHasher(
    superblock.hashSeed(0),
    superblock.hashSeed(1),
    superblock.hashSeed(2),
    superblock.hashSeed(3),
  );
  const unsigned = (superblock.flags & FLAG_UNSIGNED_HASH) !== 0;
  const version = effectiveHashVersion(rootHashVersion(viewOf(directory.block(0))), unsigned);
  const bytes = directory.block(fileBlock);
  const view = viewOf(bytes);
  const names: string[] = [];
  for (let at = 0; at < bytes.length; at += direntRecLen(view, at, bytes.length)) {
    if (direntInode(view, at) === 0) continue;
    const end = at + 8 + direntNameLen(view, at);
    const hash = hasher.hash(version, bytes, at + 8, end);
    assert.ok(hash >= low && hash < high, `block ${fileBlock} offset ${at}`);
    names.push(Buffer.from(bytes.subarray(at + 8, end)).toString("latin1"));
  }
  return names;
}

function walkIndex(
  directory: Directory,
  fileBlock: number,
  levels: number,
  low: number,
  high: number,
): string[] {
  if (levels < 0) return leafNames(directory, fileBlock, low, high);
  const bytes = directory.block(fileBlock);
  const view = viewOf(bytes);
  const entries = fileBlock === 0 ? ROOT_ENTRIES_OFFSET : NODE_ENTRIES_OFFSET;
  assert.ok(verifyHtreeBlock(bytes, view, entries, directory.inode.checksumSeed));
  if (fileBlock !== 0) {
    assert.equal(htreeNodeProblem(view, true, directory.blocks.size), undefined);
  }
  const count = htreeCount(view, entries);
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const from = Math.max(low, htreeHash(view, entries, index) & ~1) >>> 0;
    const to = index + 1 < count ? htreeHash(view, entries, index + 1) + 1 : high;
    names.push(...walkIndex(directory, htreeBlock(view, entries, index), levels - 1, from, to));
  }
  return names;
}

for (const [path, levels] of [["/one", 0], ["/two", 1]] as const) {
  Deno.test(`htree: ${path} has ${levels} levels of nodes, and every name where its hash says`, () => {
    const directory = new Directory(path);
    const root = viewOf(directory.block(0));
    assert.equal(directory.rootProblem(root), undefined);
    assert.equal(rootIndirectLevels(root), levels);
    assert.equal(htreeLimit(root, ROOT_ENTRIES_OFFSET), rootLimit(1024, true));
    const names = walkIndex(directory, 0, levels, 0, 2 ** 32).sort();
    const expected = manifestEntry("htree", path).names;
    assert.equal(names.length, expected?.count);
    const digest = createHash("sha256").update(Buffer.from(names.join("\n"), "latin1"));
    assert.equal(digest.digest("hex"), expected?.sha256);
  });
}

Deno.test("htree: changed bytes of what dt_checksum covers show, others do not", () => {
  const directory = new Directory("/two");
  const seed = directory.inode.checksumSeed;
  for (const fileBlock of [0, htreeBlock(viewOf(directory.block(0)), ROOT_ENTRIES_OFFSET, 0)]) {
    const bytes = directory.block(fileBlock);
    const view = viewOf(bytes);
    const entries = fileBlock === 0 ? ROOT_ENTRIES_OFFSET : NODE_ENTRIES_OFFSET;
    const used = entries + htreeCount(view, entries) * 8;
    const tail = entries + htreeLimit(view, entries) * 8;
    assert.equal(tail, 1024 - 8);
    withFlippedBytes(bytes, 0, 1024, (at) => {
      const covered = at < used || at >= tail;
      assert.equal(verifyHtreeBlock(bytes, view, entries, seed), !covered, `byte ${at}`);
    });
    const before = bytes.slice();
    view.setUint32(tail + 4, 0, true);
    setHtreeBlockChecksum(bytes, view, entries, seed);
    assert.deepEqual(bytes, before);
  }
});

Deno.test("a root as written here begins as the kernel's", () => {
  const directory = new Directory("/two");
  const kernel = directory.block(0);
  const bytes = new Uint8Array(1024).fill(0xff);
  const view = viewOf(bytes);
  writeHtreeRoot(bytes, view, directory.inode.ino, 2, 1, true, true, 124);
  setRootIndirectLevels(view, 1);
  setHtreeCount(view, ROOT_ENTRIES_OFFSET, 4);
  for (let index = 1; index < 4; index++) {
    const source = viewOf(kernel);
    const hash = htreeHash(source, ROOT_ENTRIES_OFFSET, index);
    setHtreeEntry(
      view,
      ROOT_ENTRIES_OFFSET,
      index,
      hash,
      htreeBlock(source, ROOT_ENTRIES_OFFSET, index),
    );
  }
  assert.deepEqual(bytes.subarray(0, 0x40), kernel.subarray(0, 0x40));
  writeHtreeNode(bytes, view, true, 7);
  assert.equal(htreeNodeProblem(view, true, 8), undefined);
  assert.equal(htreeNodeProblem(view, true, 7), "entry 0: block 7");
});

Deno.test("each fault of a root is named", () => {
  const faults: [string, (view: DataView) => void][] = [
    ['the entry "." is not 12 bytes long', (view) => view.setUint16(4, 16, true)],
    [
      'rec_len 1000 of ".." does not reach the block\'s end',
      (view) => view.setUint16(16, 1000, true),
    ],
    ["reserved_zero is not 0", (view) => view.setUint32(0x18, 1, true)],
    ["hash_version 3 is not known", (view) => view.setUint8(0x1c, 3)],
    ["info_length 9 is not 8", (view) => view.setUint8(0x1d, 9)],
    ["indirect_levels 3 exceeds 2", (view) => setRootIndirectLevels(view, 3)],
    ["unused_flags 1", (view) => view.setUint8(0x1f, 1)],
    ["limit 124 is not 123", (view) => view.setUint16(0x20, 124, true)],
    ["count is 0", (view) => setHtreeCount(view, 0x20, 0)],
    ["count 124 exceeds limit 123", (view) => setHtreeCount(view, 0x20, 124)],
    ["entry 2: hash 0x1 is out of order", (view) => view.setUint32(0x30, 1, true)],
    ["entry 0: block 0", (view) => view.setUint32(0x24, 0, true)],
    ["entry 3: block 4095", (view) => view.setUint32(0x3c, 4095, true)],
  ];
  for (const [fault, spoil] of faults) {
    const directory = new Directory("/two");
    const view = viewOf(directory.block(0));
    spoil(view);
    assert.equal(directory.rootProblem(view), fault);
  }
  const view = viewOf(new Directory("/two").block(0));
  setRootIndirectLevels(view, 2);
  assert.equal(htreeRootProblem(view, false, true, 1000), "indirect_levels 2 exceeds 1");
  assert.ok(corruptHtree(13, 0, "count is 0") instanceof Corrupt);
  assert.equal(corruptHtree(13, 5, "x").message, "htree node (directory inode 13 block 5): x");
});
