import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Corrupt } from "../errors.ts";
import { aclFromDisk } from "./acl.ts";
import type { InodeRecord } from "./inode.ts";
import { viewOf, withFlippedBytes } from "./testing.ts";
import { manifestEntries, manifestEntry, TestVolume } from "./testing_volume.ts";
import {
  compareXattrNames,
  hasIbodyXattrs,
  ibodyXattrStart,
  isLastXattr,
  nextXattr,
  setXattrBlockChecksum,
  setXattrBlockHash,
  setXattrHash,
  setXattrRefcount,
  storedXattrBlockHash,
  validateIbodyXattrs,
  validateXattrBlock,
  writeXattrBlockHeader,
  writeXattrEntry,
  XATTR_BLOCK_HEADER_BYTES,
  xattrEntryBytes,
  xattrHash,
  xattrHasName,
  xattrIndex,
  xattrNameBytes,
  xattrRefcount,
  xattrRegionProblem,
  xattrValueBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "./xattr.ts";
import {
  xattrBlockHash,
  xattrEntryHash,
  xattrEntryHashOfInode,
  xattrValueHash,
} from "./xattr_hash.ts";
import { XattrIndex, xattrIndexOfName, xattrPrefix, xattrPrefixText } from "./xattr_name.ts";

const encoder = new TextEncoder();

/** All attributes of a region as name and SHA-256 of the value in the form that programs see; checks e_hash on the way. */
function regionXattrs(
  volume: TestVolume,
  inode: InodeRecord,
  bytes: Uint8Array,
  first: number,
  valueBase: number,
): Map<string, string> {
  const view = viewOf(bytes);
  const inBlock = valueBase === 0;
  const result = new Map<string, string>();
  for (let at = first; !isLastXattr(view, at, bytes.length); at = nextXattr(view, at)) {
    const index = xattrIndex(view, at);
    const name = bytes.subarray(at + 16, at + 16 + xattrNameBytes(view, at));
    const start = valueBase + xattrValueOffset(view, at);
    const valueInode = xattrValueInode(view, at);
    let value = bytes.subarray(start, start + xattrValueSize(view, at));
    let hash = inBlock ? xattrEntryHash(name, value) : 0;
    if (valueInode !== 0) {
      const record = volume.inode(valueInode);
      value = volume.content(record);
      assert.equal(value.length, xattrValueSize(view, at));
      const valueHash = xattrValueHash(value, volume.superblock.checksumSeed);
      assert.equal(valueHash, record.view.getUint32(0x8, true), "the hash in i_atime");
      hash = xattrEntryHashOfInode(name, valueHash);
    }
    assert.equal(xattrHash(view, at), hash);
    if (index === XattrIndex.POSIX_ACL_ACCESS || index === XattrIndex.POSIX_ACL_DEFAULT) {
      value = aclFromDisk(value, inode.ino);
    }
    const text = `${xattrPrefixText(index)}${Buffer.from(name).toString("latin1")}`;
    result.set(text, createHash("sha256").update(value).digest("hex"));
  }
  return result;
}

function allXattrs(volume: TestVolume, inode: InodeRecord): Record<string, string> {
  const all = new Map<string, string>();
  const { xattrInodesCount } = volume;
  if (hasIbodyXattrs(inode.view, inode.raw.length, inode.extraBytes)) {
    validateIbodyXattrs(
      inode.view,
      inode.ino,
      inode.raw.length,
      inode.extraBytes,
      xattrInodesCount,
    );
    const start = ibodyXattrStart(inode.extraBytes);
    regionXattrs(volume, inode, inode.raw, start, start).forEach((v, k) => all.set(k, v));
  }
  if (inode.fileAcl !== 0) {
    const bytes = volume.block(inode.fileAcl);
    const view = viewOf(bytes);
    validateXattrBlock(bytes, view, inode.fileAcl, volume.seed, xattrInodesCount);
    regionXattrs(volume, inode, bytes, XATTR_BLOCK_HEADER_BYTES, 0)
      .forEach((v, k) => all.set(k, v));
    assert.equal(
      storedXattrBlockHash(view),
      xattrBlockHash(view, XATTR_BLOCK_HEADER_BYTES, bytes.length),
    );
  }
  all.delete("system.data");
  return Object.fromEntries([...all].sort());
}

Deno.test("every attribute of the golden images reads as the kernel shows it, with all hashes right", () => {
  let compared = 0;
  for (const name of ["ext4_4k", "ext2_1k", "ea_inode", "inline_data"]) {
    const volume = TestVolume.fixture(name);
    for (const { path, inode, xattrs } of manifestEntries(name).values()) {
      if (path === "/lost+found") continue;
      const expected = Object.entries(xattrs ?? {}).map(([key, value]) => [key, value.sha256]);
      const actual = allXattrs(volume, volume.inode(inode));
      assert.deepEqual(actual, Object.fromEntries(expected.sort()), `${name} ${path}`);
      compared += expected.length;
    }
  }
  assert.ok(compared >= 14, `${compared} attributes`);
});

Deno.test("ea_inode: a block of two inodes has the refcount 2; entries of a block are in order", () => {
  const volume = TestVolume.fixture("ea_inode");
  const inode = (path: string) => volume.inode(manifestEntry("ea_inode", path).inode);
  const shared = inode("/same1").fileAcl;
  assert.equal(shared, inode("/same2").fileAcl);
  assert.equal(xattrRefcount(viewOf(volume.block(shared))), 2);
  const bytes = volume.block(inode("/block").fileAcl);
  const view = viewOf(bytes);
  const keys: [number, Uint8Array][] = [];
  for (let at = 32; !isLastXattr(view, at, 1024); at = nextXattr(view, at)) {
    keys.push([xattrIndex(view, at), bytes.subarray(at + 16, at + 16 + xattrNameBytes(view, at))]);
  }
  assert.ok(keys.length > 1);
  const sorted = keys.toSorted((a, b) => compareXattrNames(a[0], a[1], b[0], b[1]));
  assert.deepEqual(keys, sorted);
});

Deno.test("a changed byte of an attribute block is noticed", () => {
  const volume = TestVolume.fixture("ea_inode");
  const block = volume.inode(manifestEntry("ea_inode", "/block").inode).fileAcl;
  const bytes = volume.block(block);
  const view = viewOf(bytes);
  withFlippedBytes(bytes, 0, bytes.length, () => {
    assert.throws(() => validateXattrBlock(bytes, view, block, volume.seed, 100), Corrupt);
  });
  assert.throws(() => validateXattrBlock(bytes, view, block + 1, volume.seed, 100), /h_checksum/);
  const before = bytes.slice();
  setXattrBlockChecksum(bytes, view, block, volume.seed ?? 0);
  assert.deepEqual(bytes, before);
});

/** A block with the entries user.first (value "value") and user.second (empty). */
function goodBlock(): { bytes: Uint8Array; view: DataView; second: number } {
  const bytes = new Uint8Array(1024);
  const view = viewOf(bytes);
  writeXattrBlockHeader(bytes, view);
  const value = encoder.encode("value");
  const name = encoder.encode("first");
  bytes.set(value, 1016);
  const second = writeXattrEntry(bytes, view, 32, 1, name, 1016, 0, 5, xattrEntryHash(name, value));
  writeXattrEntry(bytes, view, second, 1, encoder.encode("second"), 0, 0, 0, 0);
  return { bytes, view, second };
}

Deno.test("entries are written where the kernel's structure has its fields", () => {
  const { bytes, view, second } = goodBlock();
  assert.deepEqual([xattrEntryBytes(5), xattrValueBytes(5)], [24, 8]);
  assert.equal(second, 32 + 24);
  assert.equal(view.getUint8(32), 5, "e_name_len");
  assert.equal(view.getUint8(33), 1, "e_name_index");
  assert.equal(view.getUint16(34, true), 1016, "e_value_offs");
  assert.equal(view.getUint32(36, true), 0, "e_value_inum");
  assert.equal(view.getUint32(40, true), 5, "e_value_size");
  assert.equal(view.getUint32(44, true), xattrHash(view, 32), "e_hash");
  assert.ok(xattrHasName(bytes, view, 32, 1, encoder.encode("first")));
  assert.ok(!xattrHasName(bytes, view, 32, 2, encoder.encode("first")));
  assert.ok(!xattrHasName(bytes, view, 32, 1, encoder.encode("firsu")));
  assert.equal(xattrBlockHash(view, 32, 1024), 0, "one e_hash is 0");
  setXattrHash(view, second, 7);
  const hash = xattrHash(view, 32);
  assert.equal(xattrBlockHash(view, 32, 1024), ((hash << 16) ^ (hash >>> 16) ^ 7) >>> 0);
  validateXattrBlock(bytes, view, 9, undefined, 0);
});

Deno.test("each fault of an attribute block is named", () => {
  const faults: [string, (view: DataView, second: number) => void][] = [
    ["h_magic 0xea010000 is not 0xea020000", (view) => view.setUint32(0, 0xea010000, true)],
    ["h_blocks 2 is not 1", (view) => view.setUint32(8, 2, true)],
    ["h_refcount 0", (view) => setXattrRefcount(view, 0)],
    ["h_refcount 1025", (view) => setXattrRefcount(view, 1025)],
    ["entry 0x20: NUL in e_name", (view) => view.setUint8(50, 0)],
    ["entry 0x20: e_value_size 16777217", (view) => view.setUint32(40, 0x1000001, true)],
    ["entry 0x20: e_value_size 9 leaves the region", (view) => view.setUint32(40, 9, true)],
    ["entry 0x20: e_value_offs 80 is within the entries", (view) => view.setUint16(34, 80, true)],
    ["entry 0x20: e_value_inum 3", (view) => view.setUint32(36, 3, true)],
  ];
  for (const [fault, spoil] of faults) {
    const { bytes, view, second } = goodBlock();
    spoil(view, second);
    assert.throws(
      () => validateXattrBlock(bytes, view, 0x99, undefined, 0),
      new Corrupt("xattr block", "block 0x99", fault),
    );
  }
});

Deno.test("regions without an end, with names beyond it, or with values on top of each other", () => {
  const bytes = new Uint8Array(64).fill(1);
  const view = viewOf(bytes);
  assert.equal(xattrRegionProblem(view, 0, 64, 0, 0), "entry 0x3c: no end mark");
  view.setUint8(0, 60);
  assert.equal(xattrRegionProblem(view, 0, 64, 0, 0), "entry 0x0: e_name_len 60 leaves the region");
  assert.equal(xattrRegionProblem(view, 62, 64, 0, 0), "entry 0x3e: no end mark");
  bytes.fill(0);
  let next = 0;
  for (let i = 0; i < 2; i++) {
    next = writeXattrEntry(bytes, view, next, 1, encoder.encode(`${i}`), 44, 0, 20, 0);
  }
  assert.equal(xattrRegionProblem(view, 0, 64, 0, 0), "values of 40 bytes overlap");
});

Deno.test("hashes accept names of signed chars as older kernels wrote them", () => {
  const name = Uint8Array.of(0x68, 0xf6);
  assert.notEqual(xattrEntryHash(name, name), xattrEntryHash(name, name, true));
  assert.notEqual(xattrEntryHashOfInode(name, 5), xattrEntryHashOfInode(name, 5, true));
  assert.equal(xattrEntryHash(encoder.encode("ab"), new Uint8Array(0)), (0x61 << 5) ^ 0x62);
  assert.equal(
    xattrEntryHash(encoder.encode("ab"), new Uint8Array(0), true),
    (0x61 << 5) ^ 0x62,
  );
  const view = viewOf(new Uint8Array(64));
  setXattrBlockHash(view, 5);
  assert.equal(storedXattrBlockHash(view), 5);
});

Deno.test("prefixes and their indexes", () => {
  const index = (name: string) => xattrIndexOfName(encoder.encode(name));
  const names = ["user.a", "trusted.", "security.capability", "system.posix_acl_access"];
  assert.deepEqual(names.map(index), [1, 4, 6, 2]);
  const others = ["system.posix_acl_default", "system.posix_acl_defaults", "system.data"];
  assert.deepEqual(others.map(index), [3, 7, 7]);
  assert.deepEqual(["system.richacl", "gnu.x", "user", "", "foo.bar"].map(index), [8, 10, 0, 0, 0]);
  assert.equal(new TextDecoder().decode(xattrPrefix(6)), "security.");
  assert.equal(xattrPrefix(9), undefined);
  assert.equal(xattrPrefixText(2), "system.posix_acl_access");
});
