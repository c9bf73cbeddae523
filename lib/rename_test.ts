import assert from "node:assert/strict";
import { mustFail, withImage } from "../tests/harness/library.ts";

Deno.test("library: rename moves, replaces and keeps the inode", () => {
  withImage((image) => {
    image.mkdir("a");
    image.mkdir("b");
    image.writeTextFile("a/f", "1");
    const { ino } = image.stat("a/f");
    image.rename("a/f", "b/g");
    assert.equal(image.stat("b/g").ino, ino);
    assert.equal(image.exists("a/f"), false);
    image.writeTextFile("b/h", "2");
    image.rename("b/g", "b/h");
    assert.equal(image.readTextFile("b/h"), "1");
    image.rename("b/h", "b/h");
    image.link("b/h", "b/same");
    image.rename("b/h", "b/same");
    assert.equal(image.stat("b/h").nlink, 2);
    image.rename("b", "a/b/");
    assert.equal(image.realPath("a/b/.."), "/a");
    assert.equal(image.stat("a").nlink, 3);
    image.mkdir("empty");
    image.rename("a/b", "empty");
    assert.equal(image.readTextFile("empty/h"), "1");
    assert.equal(image.stat("a").nlink, 2);
  });
});

Deno.test("library: what rename refuses", () => {
  withImage((image) => {
    image.mkdir("d/sub", { recursive: true });
    image.mkdir("full/x", { recursive: true });
    image.writeTextFile("f", "");
    image.symlink("d", "link");
    mustFail("ENOENT", () => image.rename("none", "x"));
    mustFail("ENOENT", () => image.rename("f", "none/x"));
    mustFail("EISDIR", () => image.rename("f", "d"));
    mustFail("ENOTDIR", () => image.rename("d", "f"));
    mustFail("ENOTDIR", () => image.rename("f/", "x"));
    mustFail("ENOTDIR", () => image.rename("f", "x/"));
    mustFail("ENOTDIR", () => image.rename("link/", "x"));
    mustFail("ENOTEMPTY", () => image.rename("d", "full"));
    mustFail("EINVAL", () => image.rename("d", "d/sub/d"));
    mustFail("EINVAL", () => image.rename("d", "d/d"));
    mustFail("EBUSY", () => image.rename("/", "x"));
    mustFail("EBUSY", () => image.rename("d/.", "x"));
    mustFail("EBUSY", () => image.rename("f", "d/.."));
    image.rename("link", "moved");
    assert.equal(image.readLink("moved"), "d");
  });
});

Deno.test("library: rename with noReplace, exchange and whiteout", () => {
  withImage((image) => {
    image.writeTextFile("a", "A");
    image.mkdir("d/sub", { recursive: true });
    mustFail("EEXIST", () => image.rename("a", "d", { noReplace: true }));
    image.rename("a", "b", { noReplace: true });
    mustFail("ENOENT", () => image.rename("b", "none", { exchange: true }));
    image.rename("b", "d/sub", { exchange: true });
    assert.equal(image.readTextFile("d/sub"), "A");
    assert.equal(image.stat("b").isDirectory, true);
    assert.equal(image.stat("d").nlink, 2);
    assert.equal(image.realPath("b/.."), "/");
    image.rename("d/sub", "c", { whiteout: true });
    const hole = image.lstat("d/sub");
    assert.equal(hole.isCharDevice, true);
    assert.equal(hole.rdev, 0);
    mustFail("EINVAL", () => image.rename("c", "b", { exchange: true, noReplace: true }));
    mustFail("ENOENT", () => image.rename("d", "d/x", { exchange: true }));
    image.mkdir("d/x");
    mustFail("EINVAL", () => image.rename("d", "d/x", { exchange: true }));
    mustFail("EINVAL", () => image.rename("d/x", "d", { exchange: true }));
  });
});
