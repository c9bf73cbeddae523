import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Corrupt } from "../errors.ts";
import {
  corruptExtentNode,
  entryFileBlock,
  EXTENT_ENTRY_BYTES,
  EXTENT_HEADER_BYTES,
  EXTENT_TAIL_BYTES,
  extentBlocks,
  extentCapacity,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntriesProblem,
  extentEntryOffset,
  extentHeaderProblem,
  extentIsUnwritten,
  extentMax,
  indexChildBlock,
  INODE_EXTENT_ENTRIES,
  MAX_FILE_BLOCKS,
  setExtentBlockChecksum,
  setExtentEntries,
  validateExtentBlock,
  verifyExtentBlock,
  writeExtent,
  writeExtentHeader,
  writeExtentIndex,
} from "./extent.ts";
import { I_BLOCK_OFFSET } from "./inode.ts";
import { viewOf, withFlippedBytes } from "./testing.ts";
import { manifestEntries, manifestEntry, TestVolume } from "./testing_volume.ts";

/** Kernel fields in order, with their sizes in bytes. */
const HEADER_FIELDS = [["eh_magic", 2], ["eh_entries", 2], ["eh_max", 2], ["eh_depth", 2], [
  "eh_generation",
  4,
]] as const;
const EXTENT_FIELDS = [["ee_block", 4], ["ee_len", 2], ["ee_start_hi", 2], [
  "ee_start_lo",
  4,
]] as const;
const INDEX_FIELDS = [["ei_block", 4], ["ei_leaf_lo", 4], ["ei_leaf_hi", 2], [
  "ei_unused",
  2,
]] as const;

/** The fields' values in the structure at `offset`, by name; and the structure's size. */
function readFields(
  view: DataView,
  offset: number,
  fields: readonly (readonly [string, number])[],
): { values: Record<string, number>; size: number } {
  const values: Record<string, number> = {};
  let at = offset;
  for (const [name, size] of fields) {
    values[name] = size === 4 ? view.getUint32(at, true) : view.getUint16(at, true);
    at += size;
  }
  return { values, size: at - offset };
}

Deno.test("header and entries are written where the kernel's structures have their fields", () => {
  const view = new DataView(new ArrayBuffer(64));
  writeExtentHeader(view, 4, 3, 340, 2);
  const header = readFields(view, 4, HEADER_FIELDS);
  assert.equal(header.size, EXTENT_HEADER_BYTES);
  assert.deepEqual(header.values, {
    eh_magic: 0xf30a,
    eh_entries: 3,
    eh_max: 340,
    eh_depth: 2,
    eh_generation: 0,
  });
  writeExtent(view, 16, 0xfffffffe, 1, 0xabcd_1234_5678, false);
  const extent = readFields(view, 16, EXTENT_FIELDS);
  assert.equal(extent.size, EXTENT_ENTRY_BYTES);
  assert.deepEqual(extent.values, {
    ee_block: 0xfffffffe,
    ee_len: 1,
    ee_start_hi: 0xabcd,
    ee_start_lo: 0x12345678,
  });
  writeExtentIndex(view, 28, 77, 0xfffe_ffff_fffd);
  const index = readFields(view, 28, INDEX_FIELDS);
  assert.equal(index.size, EXTENT_ENTRY_BYTES);
  assert.deepEqual(index.values, {
    ei_block: 77,
    ei_leaf_lo: 0xfffffffd,
    ei_leaf_hi: 0xfffe,
    ei_unused: 0,
  });
  assert.equal(indexChildBlock(view, 28), 0xfffe_ffff_fffd);
});

Deno.test("lengths above 32768 are unwritten extents", () => {
  const view = new DataView(new ArrayBuffer(12));
  const cases = [[1, false, 1], [32768, false, 32768], [1, true, 32769], [32767, true, 65535]];
  for (const [blocks, unwritten, raw] of cases as [number, boolean, number][]) {
    writeExtent(view, 0, 5, blocks, 6, unwritten);
    assert.equal(view.getUint16(4, true), raw);
    assert.equal(extentBlocks(view, 0), blocks);
    assert.equal(extentIsUnwritten(view, 0), unwritten);
    assert.equal(entryFileBlock(view, 0), 5);
    assert.equal(extentDiskBlock(view, 0), 6);
  }
});

Deno.test("capacities leave room for the tail in every block size", () => {
  assert.equal(extentCapacity(60), INODE_EXTENT_ENTRIES);
  assert.equal(extentCapacity(4096), 340);
  for (let size = 1024; size <= 65536; size *= 2) {
    const tail = extentEntryOffset(0, extentCapacity(size));
    assert.ok(tail + EXTENT_TAIL_BYTES <= size);
  }
});

function goodNode(): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(1024);
  const view = viewOf(bytes);
  writeExtentHeader(view, 0, 3, extentCapacity(1024), 0);
  writeExtent(view, extentEntryOffset(0, 0), 10, 5, 100, false);
  writeExtent(view, extentEntryOffset(0, 1), 15, 1, 200, true);
  writeExtent(view, extentEntryOffset(0, 2), 50, 50, 950, false);
  setExtentBlockChecksum(bytes, view, 0x1234);
  return { bytes, view };
}

const validate = ({ bytes, view }: { bytes: Uint8Array; view: DataView }, seed?: number) =>
  validateExtentBlock(bytes, view, 12, 0x3f, 0, 10, 100, 1, 1000, seed);

Deno.test("a good node validates, with and without checksum", () => {
  validate(goodNode(), 0x1234);
  validate(goodNode());
});

Deno.test("each fault of a node is named", () => {
  const faults: [string, (view: DataView) => void][] = [
    ["eh_magic 0xf30b is not 0xf30a", (view) => view.setUint16(0, 0xf30b, true)],
    ["eh_entries 85 exceeds eh_max 84", (view) => setExtentEntries(view, 0, 85)],
    ["eh_max 85 exceeds 84", (view) => view.setUint16(4, 85, true)],
    ["eh_max is 0", (view) => view.setUint16(4, 0, true)],
    ["eh_depth 6 exceeds 5", (view) => view.setUint16(6, 6, true)],
    ["eh_depth 1 is not 0", (view) => view.setUint16(6, 1, true)],
    ["entry 0: file block 9 is below 10", (view) => writeExtent(view, 12, 9, 5, 100, false)],
    ["entry 0: ee_len is 0", (view) => writeExtent(view, 12, 10, 0, 100, false)],
    ["entry 1: file block 15 is below 16", (view) => writeExtent(view, 12, 10, 6, 100, false)],
    [
      "entry 2: file block 100 is not below 100",
      (view) => writeExtent(view, 36, 51, 50, 900, false),
    ],
    [
      "entry 2: disk blocks 951 to 1000 are outside the file system",
      (view) => writeExtent(view, 36, 50, 50, 951, false),
    ],
    [
      "entry 1: disk blocks 0 to 0 are outside the file system",
      (view) => writeExtent(view, 24, 15, 1, 0, true),
    ],
  ];
  for (const [field, spoil] of faults) {
    const node = goodNode();
    spoil(node.view);
    assert.throws(() => validate(node), new Corrupt("extent node", "inode 12 block 0x3f", field));
  }
  const node = goodNode();
  assert.throws(() => validate(node, 0x1235), /extent node \(inode 12 block 0x3f\): et_checksum/);
  assert.equal(corruptExtentNode(12, 0, "x").place, "inode 12 i_block");
});

Deno.test("an index node without entries is bad, a leaf is good", () => {
  const view = new DataView(new ArrayBuffer(60));
  writeExtentHeader(view, 0, 0, 4, 0);
  assert.equal(extentHeaderProblem(view, 0, 60, -1), undefined);
  writeExtentHeader(view, 0, 0, 4, 1);
  assert.equal(extentHeaderProblem(view, 0, 60, -1), "eh_entries is 0 in an index node");
});

Deno.test("ext4_4k: the kernel's tree of depth 1 validates; any changed byte shows", () => {
  const volume = TestVolume.fixture("ext4_4k");
  const inode = volume.inode(manifestEntry("ext4_4k", "/holes").inode);
  const { blocksCount } = volume.superblock;
  assert.equal(extentHeaderProblem(inode.view, I_BLOCK_OFFSET, 60, -1), undefined);
  assert.equal(extentDepth(inode.view, I_BLOCK_OFFSET), 1);
  assert.equal(
    extentEntriesProblem(inode.view, I_BLOCK_OFFSET, 0, MAX_FILE_BLOCKS, 0, blocksCount),
    undefined,
  );
  const child = indexChildBlock(inode.view, extentEntryOffset(I_BLOCK_OFFSET, 0));
  const bytes = volume.block(child);
  const view = viewOf(bytes);
  const seed = inode.checksumSeed;
  validateExtentBlock(
    bytes,
    view,
    inode.ino,
    child,
    0,
    0,
    MAX_FILE_BLOCKS,
    0,
    blocksCount,
    seed,
  );
  assert.equal(extentEntries(view, 0), 11);
  assert.equal(extentMax(view, 0), extentCapacity(4096));
  const before = bytes.slice();
  setExtentBlockChecksum(bytes, view, seed);
  assert.deepEqual(bytes, before);
  withFlippedBytes(bytes, 0, 4096, (at) => {
    // eh_max moves the tail; its faults are of the header.
    if (at === 4 || at === 5) return;
    assert.equal(verifyExtentBlock(bytes, view, seed), false, `byte ${at}`);
  });
});

Deno.test("files of the golden images, read by their extents and block maps, have the kernel's SHA-256", () => {
  let compared = 0;
  for (const name of ["ext4_4k", "ext2_1k", "htree", "ea_inode"]) {
    const volume = TestVolume.fixture(name);
    for (const { path, type, inode, sha256 } of manifestEntries(name).values()) {
      if (type !== "file") continue;
      const content = volume.content(volume.inode(inode));
      assert.equal(createHash("sha256").update(content).digest("hex"), sha256, name + path);
      compared++;
    }
  }
  assert.ok(compared > 15);
});
