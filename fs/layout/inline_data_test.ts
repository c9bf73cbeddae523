import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Corrupt } from "../errors.ts";
import {
  direntFileType,
  direntInode,
  direntNameLen,
  direntProblem,
  direntRecLen,
} from "./dirent.ts";
import {
  corruptInlineData,
  INLINE_DIRECTORY_HEADER_BYTES,
  INLINE_I_BLOCK_BYTES,
  INLINE_XATTR_INDEX,
  INLINE_XATTR_NAME,
  inlineParent,
  maxInlineBytes,
  writeEmptyInlineDirectory,
} from "./inline_data.ts";
import { I_BLOCK_OFFSET, InodeFlag, type InodeRecord } from "./inode.ts";
import { viewOf } from "./testing.ts";
import { manifestEntries, manifestEntry, TestVolume } from "./testing_volume.ts";
import {
  ibodyXattrStart,
  isLastXattr,
  nextXattr,
  xattrHasName,
  xattrValueOffset,
  xattrValueSize,
} from "./xattr.ts";

/** The value of system.data, which an inode with inline data must have. */
function systemData(inode: InodeRecord): Uint8Array {
  const start = ibodyXattrStart(inode.extraBytes);
  const { raw, view } = inode;
  for (let at = start; !isLastXattr(view, at, raw.length); at = nextXattr(view, at)) {
    if (!xattrHasName(raw, view, at, INLINE_XATTR_INDEX, INLINE_XATTR_NAME)) continue;
    const value = start + xattrValueOffset(view, at);
    return raw.subarray(value, value + xattrValueSize(view, at));
  }
  throw new Error(`inode ${inode.ino}: no system.data`);
}

function iBlock(inode: InodeRecord): Uint8Array {
  return inode.raw.subarray(I_BLOCK_OFFSET, I_BLOCK_OFFSET + INLINE_I_BLOCK_BYTES);
}

Deno.test("inline_data: files are their i_block and system.data", () => {
  const volume = TestVolume.fixture("inline_data");
  let compared = 0;
  for (const { path, type, inode, size, sha256 } of manifestEntries("inline_data").values()) {
    const record = volume.inode(inode);
    if (type !== "file" || !record.has(InodeFlag.INLINE_DATA)) continue;
    const content = new Uint8Array([...iBlock(record), ...systemData(record)]).subarray(0, size);
    assert.equal(content.length, size, path);
    assert.equal(createHash("sha256").update(content).digest("hex"), sha256, path);
    compared++;
  }
  assert.ok(compared >= 4, `${compared} files`);
});

/** Names in a list of inline entries. */
function names(volume: TestVolume, bytes: Uint8Array): string[] {
  const view = viewOf(bytes);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += direntRecLen(view, at, bytes.length)) {
    const inodes = volume.superblock.inodesCount;
    assert.equal(direntProblem(view, at, bytes.length, bytes.length, inodes), undefined);
    if (direntInode(view, at) === 0) continue;
    assert.equal(direntFileType(view, at), 1);
    found.push(
      new TextDecoder().decode(bytes.subarray(at + 8, at + 8 + direntNameLen(view, at))),
    );
  }
  return found;
}

Deno.test("inline_data: directories have the parent, then two lists of entries", () => {
  const volume = TestVolume.fixture("inline_data");
  const expected = { "/none": [], "/few": ["1", "2", "3"], "/many": [..."12345678"] };
  for (const [path, expectedNames] of Object.entries(expected)) {
    const inode = volume.inode(manifestEntry("inline_data", path).inode);
    assert.ok(inode.has(InodeFlag.INLINE_DATA));
    assert.equal(inlineParent(inode.view, I_BLOCK_OFFSET), 2);
    const first = names(volume, iBlock(inode).subarray(INLINE_DIRECTORY_HEADER_BYTES));
    const second = names(volume, systemData(inode));
    assert.deepEqual([...first, ...second].sort(), expectedNames);
    assert.equal(second.length > 0, path === "/many");
  }
});

Deno.test("inline_data: an empty directory as written here is the kernel's", () => {
  const volume = TestVolume.fixture("inline_data");
  const kernel = iBlock(volume.inode(manifestEntry("inline_data", "/none").inode));
  const bytes = new Uint8Array(64).fill(0xff);
  writeEmptyInlineDirectory(bytes, viewOf(bytes), 4, 2);
  assert.deepEqual(bytes.subarray(4), kernel);
  assert.equal(bytes[3], 0xff);
});

Deno.test("how much fits", () => {
  assert.equal(maxInlineBytes(128, 0), 0);
  assert.equal(maxInlineBytes(256, 32), 60 + 68);
  assert.equal(maxInlineBytes(1024, 32), 60 + 68 + 768);
  assert.ok(corruptInlineData(12, "i_size 70") instanceof Corrupt);
});
