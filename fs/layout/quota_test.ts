import assert from "node:assert/strict";
import { programs, root, testWith } from "../../tests/harness/skip.ts";
import { Corrupt } from "../errors.ts";
import {
  decodeQuotaDataHeader,
  decodeQuotaEntry,
  decodeQuotaHeader,
  encodeQuotaDataHeader,
  encodeQuotaEntry,
  encodeQuotaHeader,
  isFreeQuotaEntry,
  QUOTA_BLOCK_BYTES,
  QUOTA_ENTRIES_PER_BLOCK,
  QUOTA_ENTRY_BYTES,
  QUOTA_ROOT_BLOCK,
  QUOTA_TREE_DEPTH,
  type QuotaEntry,
  quotaEntryOffset,
  type QuotaHeader,
  QuotaMagic,
  quotaTreeBlock,
  quotaTreeSlot,
  setQuotaTreeBlock,
} from "./quota.ts";
import { makeImage, runTool, viewOf, withTempDir } from "./testing.ts";
import { TestVolume } from "./testing_volume.ts";

const HEADER: QuotaHeader = {
  blockGrace: 604800,
  inodeGrace: 604801,
  flags: 1,
  blocks: 6,
  freeBlock: 0,
  freeEntryBlock: 5,
};
const ENTRY: QuotaEntry = {
  id: 70000,
  inodeHardLimit: 1,
  inodeSoftLimit: 2,
  inodes: 3,
  blockHardLimit: 4,
  blockSoftLimit: 5,
  spaceBytes: 2 ** 40 + 6,
  blockTime: 7,
  inodeTime: 8,
};

Deno.test("header and entries are where the kernel's structures have their fields", () => {
  const view = new DataView(new ArrayBuffer(QUOTA_BLOCK_BYTES));
  encodeQuotaHeader(view, QuotaMagic.GROUP, HEADER);
  const words = Array.from({ length: 8 }, (_, index) => view.getUint32(index * 4, true));
  assert.deepEqual(words, [0xd9c01927, 1, 604800, 604801, 1, 6, 0, 5]);
  assert.deepEqual(decodeQuotaHeader(view, QuotaMagic.GROUP, 4, 6144), HEADER);
  encodeQuotaEntry(view, 100, ENTRY);
  assert.equal(QUOTA_ENTRY_BYTES, 8 + 8 * 8);
  assert.equal(view.getUint32(100, true), 70000);
  const values = Array.from({ length: 8 }, (_, i) => Number(view.getBigUint64(108 + i * 8, true)));
  assert.deepEqual(values, [1, 2, 3, 4, 5, 2 ** 40 + 6, 7, 8]);
  assert.deepEqual(decodeQuotaEntry(view, 100), ENTRY);
  view.setUint8(100 + 0x37, 1);
  assert.throws(() => decodeQuotaEntry(view, 100), /quota entry \(id 70000\): dqb_curspace/);
  assert.equal(QUOTA_ENTRIES_PER_BLOCK, 14);
  assert.ok(quotaEntryOffset(14) <= QUOTA_BLOCK_BYTES);
});

Deno.test("the entry of identifier 0 never looks free", () => {
  const view = new DataView(new ArrayBuffer(QUOTA_ENTRY_BYTES));
  const zero = Object.fromEntries(Object.keys(ENTRY).map((key) => [key, 0])) as unknown;
  assert.ok(isFreeQuotaEntry(view, 0));
  encodeQuotaEntry(view, 0, zero as QuotaEntry);
  assert.ok(!isFreeQuotaEntry(view, 0));
  assert.deepEqual(decodeQuotaEntry(view, 0), zero);
});

Deno.test("each fault is named", () => {
  const faults: [string, number, number][] = [
    ["dqh_magic 0xd9c01928 is not 0xd9c01927", 0x0, 0xd9c01928],
    ["dqh_version 2 is not 1", 0x4, 2],
    ["dqi_blocks 1", 0x14, 1],
    ["dqi_blocks 7", 0x14, 7],
    ["dqi_free_blk 6", 0x18, 6],
    ["dqi_free_entry 6", 0x1c, 6],
  ];
  for (const [fault, at, value] of faults) {
    const view = new DataView(new ArrayBuffer(QUOTA_BLOCK_BYTES));
    encodeQuotaHeader(view, QuotaMagic.GROUP, HEADER);
    view.setUint32(at, value, true);
    assert.throws(
      () => decodeQuotaHeader(view, QuotaMagic.GROUP, 4, 6144),
      new Corrupt("quota header", "inode 4", fault),
    );
  }
  const view = new DataView(new ArrayBuffer(QUOTA_BLOCK_BYTES));
  const data = { nextFree: 5, previousFree: 4, entries: 14 };
  encodeQuotaDataHeader(view, data);
  assert.deepEqual(decodeQuotaDataHeader(view, 3, HEADER), data);
  for (const bad of [{ nextFree: 6 }, { previousFree: 6 }, { entries: 15 }]) {
    encodeQuotaDataHeader(view, { ...data, ...bad });
    assert.throws(() => decodeQuotaDataHeader(view, 3, HEADER), Corrupt);
  }
});

Deno.test("an identifier's bytes lead down the tree", () => {
  const slots = [0, 1, 2, 3].map((level) => quotaTreeSlot(0xfe112233, level));
  assert.deepEqual(slots, [0xfe, 0x11, 0x22, 0x33]);
  const view = new DataView(new ArrayBuffer(QUOTA_BLOCK_BYTES));
  setQuotaTreeBlock(view, 255, 9);
  assert.equal(quotaTreeBlock(view, 255), 9);
});

/** The entry of an identifier in a quota file, found by the tree. */
function findEntry(file: Uint8Array, id: number): QuotaEntry | undefined {
  const block = (number: number) =>
    viewOf(file.subarray(number * QUOTA_BLOCK_BYTES, (number + 1) * QUOTA_BLOCK_BYTES));
  let at = QUOTA_ROOT_BLOCK;
  for (let level = 0; level < QUOTA_TREE_DEPTH; level++) {
    at = quotaTreeBlock(block(at), quotaTreeSlot(id, level));
    if (at === 0) return undefined;
  }
  for (let index = 0; index < QUOTA_ENTRIES_PER_BLOCK; index++) {
    const offset = quotaEntryOffset(index);
    if (isFreeQuotaEntry(block(at), offset)) continue;
    const entry = decodeQuotaEntry(block(at), offset);
    if (entry.id === id) return entry;
  }
  return undefined;
}

testWith({
  name: "usage that tune2fs wrote is found by the tree, and equals what debugfs lists",
  needs: [programs("mke2fs", "tune2fs", "debugfs"), root],
  fn: () =>
    withTempDir((dir) => {
      const path = `${dir}/image`;
      Deno.mkdirSync(`${dir}/tree`);
      for (const [index, uid] of [0, 1, 255, 256, 70000, 70001, 16777216].entries()) {
        Deno.writeFileSync(`${dir}/tree/${uid}`, new Uint8Array(5000 * index + 1));
        Deno.chownSync(`${dir}/tree/${uid}`, uid, uid + 5);
      }
      makeImage(path, 8 << 20, ["-t", "ext4", "-b", "4096", "-O", "^quota", "-d", `${dir}/tree`]);
      runTool("tune2fs", ["-O", "quota", path]);
      const volume = new TestVolume(Deno.readFileSync(path));
      const { userQuotaInode, groupQuotaInode } = volume.superblock;
      const kinds = [["user", userQuotaInode, QuotaMagic.USER, 0], [
        "group",
        groupQuotaInode,
        QuotaMagic.GROUP,
        5,
      ]] as const;
      for (const [kind, inode, magic, shift] of kinds) {
        const file = volume.content(volume.inode(inode));
        decodeQuotaHeader(viewOf(file), magic, inode, file.length);
        const list = new TextDecoder().decode(
          runTool("debugfs", ["-R", `list_quota ${kind}`, path]),
        );
        const rows = [...list.matchAll(/^ +(\d+) +(\d+) +\d+ +\d+ +(\d+) /gm)];
        assert.ok(rows.length >= 7);
        for (const [, id, space, inodes] of rows) {
          const entry = findEntry(file, Number(id));
          assert.equal(entry?.spaceBytes, Number(space), `${kind} ${id}`);
          assert.equal(entry?.inodes, Number(inodes), `${kind} ${id}`);
        }
        assert.equal(findEntry(file, 70001 + shift)?.inodes, 1);
        assert.equal(findEntry(file, 12345), undefined);
      }
    }),
});
