import assert from "node:assert/strict";
import { type FileInfo, InodeFlag } from "../mod.ts";
import { mustFail, withImage } from "../tests/harness/library.ts";

Deno.test("library: stat has the shape of Deno.FileInfo", () => {
  withImage((image) => {
    image.writeTextFile("f", "12345");
    const info: Deno.FileInfo & FileInfo = image.stat("f");
    assert.equal(info.isFile, true);
    assert.equal(info.size, 5);
    assert.equal(info.nlink, 1);
    assert.equal(info.blksize, 1024);
    assert.ok(info.birthtime instanceof Date);
    assert.equal(image.stat("/").isDirectory, true);
    assert.equal(image.stat("/").ino, 2);
  });
});

Deno.test("library: chmod", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    image.symlink("f", "s");
    image.chmod("s", 0o7421);
    assert.equal(image.stat("f").mode, 0o107421);
    image.chmod("f", 0o100600);
    assert.equal(image.stat("f").mode, 0o100600);
    assert.equal(image.lstat("s").mode, 0o120777);
    mustFail("ENOENT", () => image.chmod("none", 0));
    mustFail("EINVAL", () => image.chmod("f", -1));
  });
});

Deno.test("library: chown, also of links, and what it takes from a file", () => {
  withImage((image) => {
    image.writeTextFile("f", "", { mode: 0o6755 });
    image.symlink("f", "s");
    image.chown("f", 1, null);
    assert.deepEqual([image.stat("f").uid, image.stat("f").gid], [1, 0]);
    assert.equal(image.stat("f").mode, 0o100755);
    image.chown("s", null, 4_000_000_000);
    assert.deepEqual([image.stat("f").uid, image.stat("f").gid], [1, 4_000_000_000]);
    image.chown("s", 7, 8, { noFollow: true });
    assert.deepEqual([image.lstat("s").uid, image.lstat("s").gid], [7, 8]);
    assert.equal(image.stat("f").uid, 1);
    mustFail("EINVAL", () => image.chown("f", -1, 0));
    mustFail("EINVAL", () => image.chown("f", 0, 2 ** 32));
    mustFail("ENOENT", () => image.chown("none", 0, 0));
  });
});

Deno.test("library: utime takes seconds, dates, nanoseconds, and now", () => {
  const clock = () => ({ seconds: 5_000_000_000, nanoseconds: 123_456_789 });
  withImage((image) => {
    image.writeTextFile("f", "");
    assert.equal(image.stat("f").mtime.getTime(), 5_000_000_000_123);
    assert.equal(image.stat("f").birthtimeNsec, 123_456_789);
    image.utime("f", 1.5, new Date(-1500));
    assert.equal(image.stat("f").atime.getTime(), 1500);
    assert.equal(image.stat("f").mtime.getTime(), -1500);
    assert.equal(image.stat("f").mtimeNsec, 500_000_000);
    image.utime("f", { seconds: 15_032_385_535, nanoseconds: 999_999_999 }, null);
    assert.equal(image.stat("f").atime.getTime(), 15_032_385_535_999);
    assert.equal(image.stat("f").atimeNsec, 999_999_999);
    assert.equal(image.stat("f").mtime.getTime(), -1500);
    image.utime("f", null, "now");
    assert.equal(image.stat("f").mtimeNsec, 123_456_789);
    image.symlink("f", "s");
    image.utime("s", 0, 0, { noFollow: true });
    assert.equal(image.lstat("s").mtime.getTime(), 0);
    assert.notEqual(image.stat("f").mtime.getTime(), 0);
    // Out of the format's range: the nearest time it can hold.
    image.utime("f", 1e12, -1e12);
    assert.equal(image.stat("f").atime.getTime(), 15_032_385_535_000);
    assert.equal(image.stat("f").mtime.getTime(), -2_147_483_648_000);
    mustFail("EINVAL", () => image.utime("f", NaN, 0));
    mustFail("EINVAL", () => image.utime("f", 0, new Date("nonsense")));
    mustFail("EINVAL", () => image.utime("f", { seconds: 0, nanoseconds: 1e9 }, 0));
    mustFail("ENOENT", () => image.utime("none", 0, 0));
  }, { open: { clock } });
});

Deno.test("library: access times change when they are asked to", () => {
  let seconds = 1000;
  const clock = () => ({ seconds: seconds++, nanoseconds: 0 });
  withImage((image) => {
    image.writeTextFile("f", "x");
    const before = image.stat("f").atime.getTime();
    image.readFile("f");
    assert.equal(image.stat("f").atime.getTime(), before);
  }, { open: { clock } });
  withImage((image) => {
    image.writeTextFile("f", "x");
    const before = image.stat("f").atime.getTime();
    image.readFile("f");
    assert.ok(image.stat("f").atime.getTime() > before);
  }, { open: { clock, accessTime: "strictatime" } });
});

Deno.test("library: inode flags", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    const flags = image.getFlags("f");
    image.setFlags("f", flags | InodeFlag.NODUMP | InodeFlag.NOATIME);
    assert.equal(image.getFlags("f"), (flags | InodeFlag.NODUMP | InodeFlag.NOATIME) >>> 0);
    image.setFlags("f", flags);
    assert.equal(image.getFlags("f"), flags);
    image.setFlags("f", flags | InodeFlag.JOURNAL_DATA);
    image.writeTextFile("f", "through the journal");
    assert.equal(image.readTextFile("f"), "through the journal");
    image.setFlags("f", flags);
    assert.equal(image.readTextFile("f"), "through the journal");
    mustFail("EOPNOTSUPP", () => image.setFlags("f", flags ^ InodeFlag.EXTENTS));
    mustFail("ENOENT", () => image.getFlags("none"));
    image.mkdir("d");
    image.setFlags("d", image.getFlags("d") | InodeFlag.NODUMP);
    image.writeTextFile("d/f", "");
    assert.notEqual(image.getFlags("d/f") & InodeFlag.NODUMP, 0);
  });
});
