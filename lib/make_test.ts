import assert from "node:assert/strict";
import { mustFail, withImage } from "../tests/harness/library.ts";

Deno.test("library: mkdir", () => {
  withImage((image) => {
    image.mkdir("a");
    image.mkdir("b/", { mode: 0o1777 });
    assert.equal(image.stat("a").mode, 0o40755);
    assert.equal(image.stat("b").mode, 0o41777);
    assert.equal(image.stat("a").nlink, 2);
    assert.equal(image.stat("/").nlink, 5);
    image.writeTextFile("file", "");
    image.symlink("none", "dangling");
    for (const path of ["a", "a/", "a/.", "a/..", "/", ".", "file", "dangling", "dangling/"]) {
      mustFail("EEXIST", () => image.mkdir(path));
    }
    mustFail("ENOENT", () => image.mkdir("none/below"));
    mustFail("ENOTDIR", () => image.mkdir("file/below"));
  });
});

Deno.test("library: mkdir, recursive", () => {
  withImage((image) => {
    image.mkdir("a/b/../c/./d/", { recursive: true, mode: 0o700 });
    assert.equal(image.stat("a/c/d").mode, 0o40700);
    assert.equal(image.stat("a/b").mode, 0o40700);
    for (const path of ["a/c/d", "/", "a/b/..", "a/"]) image.mkdir(path, { recursive: true });
    image.symlink("a/c", "link");
    image.mkdir("link/e/f", { recursive: true });
    image.mkdir("link", { recursive: true });
    assert.equal(image.stat("a/c/e/f").isDirectory, true);
    image.symlink("none", "dangling");
    mustFail("EEXIST", () => image.mkdir("dangling", { recursive: true }));
    mustFail("ENOENT", () => image.mkdir("dangling/x", { recursive: true }));
    assert.equal(image.exists("none"), false);
    image.writeTextFile("file", "");
    mustFail("EEXIST", () => image.mkdir("file", { recursive: true }));
    mustFail("ENOTDIR", () => image.mkdir("file/x", { recursive: true }));
    mustFail("ENOENT", () => image.mkdir("", { recursive: true }));
    mustFail("ENOENT", () => image.mkdir("not/recursive"));
  });
});

Deno.test("library: new nodes take owner and group as Linux gives them", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    assert.equal(image.stat("f").uid, 70000);
    assert.equal(image.stat("f").gid, 80000);
    image.mkdir("shared");
    image.chown("shared", null, 4);
    image.chmod("shared", 0o2775);
    image.mkdir("shared/sub");
    image.writeTextFile("shared/f", "");
    assert.equal(image.stat("shared/f").gid, 4);
    assert.equal(image.stat("shared/sub").gid, 4);
    assert.equal(image.stat("shared/sub").mode, 0o42755);
  }, { open: { uid: 70000, gid: 80000 } });
});

Deno.test("library: mknod", () => {
  withImage((image) => {
    image.mknod("null", { type: "character", major: 1, minor: 3, mode: 0o666 });
    image.mknod("big", { type: "block", major: 4095, minor: 1048575 });
    image.mknod("fifo", { type: "fifo" });
    image.mknod("socket", { type: "socket" });
    image.mknod("file", { type: "file" });
    const stat = image.stat("null");
    assert.equal(stat.isCharDevice, true);
    assert.equal(stat.rdev, (1 << 8) | 3);
    assert.equal(stat.mode & 0o7777, 0o666);
    assert.equal(image.stat("big").isBlockDevice, true);
    assert.equal(image.stat("big").rdev, 0xffffffff);
    assert.equal(image.stat("fifo").isFifo, true);
    assert.equal(image.stat("socket").isSocket, true);
    assert.equal(image.stat("file").isFile, true);
    mustFail("EEXIST", () => image.mknod("file", { type: "fifo" }));
    mustFail("ENOENT", () => image.mknod("new/", { type: "fifo" }));
    mustFail("EINVAL", () => image.mknod("x", { type: "block", major: 4096 }));
    mustFail("EINVAL", () => image.mknod("x", { type: "block", minor: 0.5 }));
  });
});

Deno.test("library: symbolic links, short and long", () => {
  withImage((image) => {
    for (const length of [1, 59, 60, 61, 100, 1023]) {
      const target = "t".repeat(length);
      image.symlink(target, `s${length}`);
      assert.equal(image.readLink(`s${length}`), target);
      assert.equal(image.lstat(`s${length}`).size, length);
      assert.equal(image.lstat(`s${length}`).mode, 0o120777);
    }
    mustFail("ENAMETOOLONG", () => image.symlink("t".repeat(5000), "long"));
    mustFail("ENOENT", () => image.symlink("", "empty"));
    mustFail("EINVAL", () => image.symlink("a\0b", "nul"));
    mustFail("EEXIST", () => image.symlink("x", "s1"));
    mustFail("ENOENT", () => image.symlink("x", "new/"));
    image.writeTextFile("file", "");
    mustFail("EINVAL", () => image.readLink("file"));
    mustFail("EINVAL", () => image.readLink("/"));
    mustFail("ENOENT", () => image.readLink("none"));
    for (const length of [1, 59, 60, 1023]) image.remove(`s${length}`);
  });
});

Deno.test("library: hard links", () => {
  withImage((image) => {
    image.writeTextFile("file", "content");
    image.mkdir("dir");
    image.link("file", "dir/other");
    assert.equal(image.stat("dir/other").ino, image.stat("file").ino);
    assert.equal(image.stat("file").nlink, 2);
    image.remove("file");
    assert.equal(image.readTextFile("dir/other"), "content");
    assert.equal(image.stat("dir/other").nlink, 1);
    image.symlink("dir/other", "link");
    image.link("link", "link2");
    assert.equal(image.lstat("link2").isSymlink, true);
    assert.equal(image.lstat("link2").nlink, 2);
    mustFail("EPERM", () => image.link("dir", "dir2"));
    mustFail("EEXIST", () => image.link("dir/other", "link"));
    mustFail("ENOENT", () => image.link("none", "x"));
    mustFail("ENOENT", () => image.link("dir/other", "none/x"));
    mustFail("ENOENT", () => image.link("dir/other", "x/"));
  });
});

Deno.test("library: a file has at most 65000 names", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    for (let n = 1; n < 65000; n++) image.link("f", `name-${n}`);
    assert.equal(image.stat("f").nlink, 65000);
    mustFail("EMLINK", () => image.link("f", "one-more"));
    image.remove("name-7");
    image.link("f", "one-more");
  }, { size: 32 << 20 });
});
