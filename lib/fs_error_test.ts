import assert from "node:assert/strict";
import { FsError } from "../mod.ts";
import { SystemError } from "../ffi/libc/error.ts";
import { Corrupt } from "../fs/errors.ts";
import { fsErrorOf } from "./fs_error.ts";

Deno.test("library: an error tells operation, path, reason and code on one line", () => {
  const error = new FsError(2, "open", 'a"b\nc');
  assert.equal(error.message, 'open "a\\"b\\nc": no such file or directory (ENOENT)');
  assert.equal(error.code, "ENOENT");
  assert.equal(error.name, "FsError");
  assert.ok(error instanceof Error);
  const two = new FsError(17, "rename", "a", { newPath: "b" });
  assert.equal(two.message, 'rename "a" to "b": file exists (EEXIST)');
  assert.equal(two.newPath, "b");
});

Deno.test("library: errors from below keep their reason and become the cause", () => {
  const corrupt = new Corrupt("inode", "inode 12", "checksum");
  const error = fsErrorOf(corrupt, "stat", "/f");
  assert.equal(error.message, 'stat "/f": inode (inode 12): checksum (EUCLEAN)');
  assert.equal(error.cause, corrupt);
  const system = new SystemError(16, "open", "disk.img", "the file is in use");
  assert.equal(
    fsErrorOf(system, "open", "disk.img").message,
    'open "disk.img": the file is in use (EBUSY)',
  );
  const device = new SystemError(5, "pread", "disk.img");
  assert.equal(
    fsErrorOf(device, "readFile", "/f").message,
    'readFile "/f": disk.img: pread: input/output error (EIO)',
  );
  const other = fsErrorOf(new RangeError("two\n  lines"), "x", "y");
  assert.equal(other.message, 'x "y": two; lines (EIO)');
  assert.equal(fsErrorOf(error, "other", "z"), error);
});
