import assert from "node:assert/strict";
import {
  corruptDirent,
  direntBytes,
  direntFileType,
  direntHasName,
  direntInode,
  direntNameIsPlain,
  direntNameLen,
  direntProblem,
  direntRecLen,
  dtOfFileType,
  FileType,
  fileTypeOfMode,
  hasDirentTail,
  setDirentBlockChecksum,
  setDirentRecLen,
  verifyDirentBlock,
  writeDirent,
  writeDirentTail,
} from "./dirent.ts";
import { viewOf, withFlippedBytes } from "./testing.ts";
import { TestVolume } from "./testing_volume.ts";

const encoder = new TextEncoder();

Deno.test("an entry is written where the kernel's structure has its fields", () => {
  const bytes = new Uint8Array(32);
  const view = viewOf(bytes);
  writeDirent(bytes, view, 4, 0x01020304, 24, 1024, FileType.SYMLINK, encoder.encode("name"));
  assert.equal(view.getUint32(4, true), 0x01020304, "inode");
  assert.equal(view.getUint16(8, true), 24, "rec_len");
  assert.equal(view.getUint8(10), 4, "name_len");
  assert.equal(view.getUint8(11), 7, "file_type");
  assert.equal(new TextDecoder().decode(bytes.subarray(12, 16)), "name");
  assert.ok(direntHasName(bytes, view, 4, encoder.encode("name")));
  assert.ok(!direntHasName(bytes, view, 4, encoder.encode("nam")));
  assert.ok(!direntHasName(bytes, view, 4, encoder.encode("namf")));
  view.setUint32(4, 0, true);
  assert.ok(!direntHasName(bytes, view, 4, encoder.encode("name")));
});

Deno.test("rec_len of up to 64 KiB", () => {
  const view = new DataView(new ArrayBuffer(8));
  const cases = [[12, 1024, 12], [32768, 32768, 32768], [65532, 65536, 65532]];
  for (const [recLen, blockBytes, raw] of [...cases, [65536, 65536, 0xffff]]) {
    setDirentRecLen(view, 0, recLen ?? 0, blockBytes ?? 0);
    assert.equal(view.getUint16(4, true), raw);
    assert.equal(direntRecLen(view, 0, blockBytes ?? 0), recLen);
  }
  view.setUint16(4, 0, true);
  assert.equal(direntRecLen(view, 0, 65536), 65536);
  assert.equal(direntRecLen(view, 0, 4096), 0);
});

Deno.test("sizes and types", () => {
  assert.deepEqual([1, 4, 5, 255].map(direntBytes), [12, 12, 16, 264]);
  const modes = [0o100644, 0o040755, 0o020600, 0o060600, 0o010600, 0o140600, 0o120777, 0o170000];
  assert.deepEqual(modes.map(fileTypeOfMode), [1, 2, 3, 4, 5, 6, 7, 0]);
  modes.slice(0, 7).forEach((mode) => {
    assert.equal(dtOfFileType(fileTypeOfMode(mode)), mode >> 12);
  });
  assert.equal(dtOfFileType(8), 0);
  assert.equal(dtOfFileType(0xde), 0);
});

Deno.test("names that programs can be shown", () => {
  const plain = (text: string) => direntNameIsPlain(encoder.encode(text), 0, text.length);
  assert.deepEqual(["a", "...", ".a", "a."].map(plain), [true, true, true, true]);
  assert.deepEqual(["", ".", "..", "a/b", "a\0b"].map(plain), [false, false, false, false, false]);
});

Deno.test("each fault of an entry is named", () => {
  const good = () => {
    const bytes = new Uint8Array(1024);
    const view = viewOf(bytes);
    writeDirent(bytes, view, 100, 9, 24, 1024, 1, encoder.encode("0123456789abcdef"));
    return view;
  };
  const problem = (view: DataView, end = 1024) => direntProblem(view, 100, end, 1024, 10);
  assert.equal(problem(good()), undefined);
  assert.equal(problem(good(), 124), undefined);
  const faults: [string, (view: DataView) => void, number?][] = [
    ["8 bytes left for an entry", () => {}, 108],
    ["rec_len 8 is smaller than 12", (view) => view.setUint16(104, 8, true)],
    ["rec_len 0 is smaller than 12", (view) => view.setUint16(104, 0, true)],
    ["rec_len 26 is not a multiple of 4", (view) => view.setUint16(104, 26, true)],
    ["rec_len 24 exceeds the 20 bytes left", () => {}, 120],
    ["rec_len 24 leaves less than an entry", () => {}, 132],
    ["name_len 17 does not fit rec_len 24", (view) => view.setUint8(106, 17)],
    ["inode 11 exceeds 10", (view) => view.setUint32(100, 11, true)],
    ["name_len is 0 in a used entry", (view) => view.setUint8(106, 0)],
  ];
  for (const [fault, spoil, end] of faults) {
    const view = good();
    spoil(view);
    assert.equal(problem(view, end), fault);
  }
  const error = corruptDirent(2, 3, 0x40, "rec_len");
  assert.equal(
    error.message,
    "directory entry (directory inode 2 block 3 offset 0x40): rec_len",
  );
});

Deno.test("ext4_4k: the root's entries validate, and any changed byte before the tail shows", () => {
  const volume = TestVolume.fixture("ext4_4k");
  const root = volume.inode(2);
  const bytes = volume.block(volume.blocksOf(root).get(0) ?? 0);
  const view = viewOf(bytes);
  const names: string[] = [];
  for (let at = 0; at < 4096; at += direntRecLen(view, at, 4096)) {
    assert.equal(direntProblem(view, at, 4096, 4096, volume.superblock.inodesCount), undefined);
    if (direntInode(view, at) === 0) continue;
    const start = at + 8;
    names.push(new TextDecoder().decode(bytes.subarray(start, start + direntNameLen(view, at))));
    const { mode } = volume.inode(direntInode(view, at));
    assert.equal(direntFileType(view, at), fileTypeOfMode(mode));
  }
  assert.deepEqual(names.slice(0, 4), [".", "..", "lost+found", "hello"]);
  assert.ok(hasDirentTail(view, 4096));
  assert.ok(verifyDirentBlock(bytes, view, root.checksumSeed));
  withFlippedBytes(bytes, 0, 4096, (at) => {
    assert.equal(verifyDirentBlock(bytes, view, root.checksumSeed), false, `byte ${at}`);
  });
  const before = bytes.slice();
  bytes.fill(0, 4084);
  writeDirentTail(view, 4096);
  setDirentBlockChecksum(bytes, view, root.checksumSeed);
  assert.deepEqual(bytes, before);
});

Deno.test("ext2_1k: directory blocks without metadata_csum have no tail", () => {
  const volume = TestVolume.fixture("ext2_1k");
  const block = volume.block(volume.blocksOf(volume.inode(2)).get(0) ?? 0);
  assert.equal(hasDirentTail(viewOf(block), 1024), false);
});
