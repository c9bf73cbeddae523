import assert from "node:assert/strict";
import { mustFail, withImage } from "../tests/harness/library.ts";

const encoder = new TextEncoder();

Deno.test("library: paths are absolute or relative to the root, with any number of slashes", () => {
  withImage((image) => {
    image.mkdir("/a/b", { recursive: true });
    image.writeTextFile("a/b/c", "x");
    for (const path of ["/a/b/c", "a/b/c", "//a///b//c", "./a/./b/../b/c", "/../../a/b/c"]) {
      assert.equal(image.readTextFile(path), "x", path);
      assert.equal(image.realPath(path), "/a/b/c");
    }
    for (const path of ["/", "//", ".", "..", "/a/..", "a/../..", "./."]) {
      assert.equal(image.stat(path).ino, 2, path);
      assert.equal(image.realPath(path), "/");
    }
  });
});

Deno.test("library: bad paths", () => {
  withImage((image) => {
    image.writeTextFile("file", "x");
    mustFail("ENOENT", () => image.stat(""));
    mustFail("EINVAL", () => image.stat("a\0b"));
    mustFail("ENOENT", () => image.stat("nothing"));
    mustFail("ENOENT", () => image.stat("nothing/deeper"));
    mustFail("ENOENT", () => image.stat("nothing/.."));
    mustFail("ENOTDIR", () => image.stat("file/deeper"));
    mustFail("ENOTDIR", () => image.stat("file/"));
    mustFail("ENOTDIR", () => image.lstat("file/"));
    mustFail("ENOTDIR", () => image.stat("file/."));
    mustFail("ENOTDIR", () => image.stat("file/.."));
    mustFail("ENAMETOOLONG", () => image.stat("n".repeat(256)));
    mustFail("ENAMETOOLONG", () => image.writeTextFile("n".repeat(256), ""));
    mustFail("ENAMETOOLONG", () => image.mkdir("ü".repeat(128)));
    image.writeTextFile("n".repeat(255), "longest");
    assert.equal(image.readTextFile("n".repeat(255)), "longest");
    const wrong = 5 as unknown as string;
    assert.throws(() => image.stat(wrong), TypeError);
    assert.throws(() => image.rename("file", wrong), TypeError);
    assert.throws(() => image.getXattr("file", wrong), TypeError);
    assert.throws(() => image.writeFile("file", wrong as unknown as Uint8Array), TypeError);
  });
});

Deno.test("library: symbolic links are followed within the image", () => {
  withImage((image) => {
    image.mkdir("dir/sub", { recursive: true });
    image.writeTextFile("dir/sub/file", "found");
    image.symlink("dir/sub", "relative");
    image.symlink("/dir", "absolute");
    image.symlink("../../../../dir/sub/file", "dir/sub/climb");
    image.symlink("file", "dir/sub/beside");
    image.symlink("absolute/sub/", "slash");
    image.symlink("nowhere", "dangling");
    for (
      const path of [
        "relative/file",
        "absolute/sub/file",
        "dir/sub/climb",
        "relative/climb",
        "absolute/sub/beside",
        "slash/beside",
        "relative/../sub/file",
      ]
    ) {
      assert.equal(image.readTextFile(path), "found", path);
      assert.equal(image.realPath(path), "/dir/sub/file", path);
    }
    assert.equal(image.realPath("relative/.."), "/dir");
    assert.equal(image.lstat("relative").isSymlink, true);
    assert.equal(image.lstat("relative/").isDirectory, true);
    assert.equal(image.stat("relative").isDirectory, true);
    mustFail("ENOENT", () => image.stat("dangling"));
    mustFail("ENOENT", () => image.realPath("dangling"));
    assert.equal(image.lstat("dangling").isSymlink, true);
    image.symlink("dir/sub/file/", "file-slash");
    mustFail("ENOTDIR", () => image.stat("file-slash"));
  });
});

Deno.test("library: forty links are followed, one more is a loop", () => {
  withImage((image) => {
    image.writeTextFile("l0", "end");
    for (let n = 1; n <= 41; n++) image.symlink(`l${n - 1}`, `l${n}`);
    assert.equal(image.readTextFile("l40"), "end");
    mustFail("ELOOP", () => image.readTextFile("l41"));
    image.symlink("loop", "loop");
    mustFail("ELOOP", () => image.stat("loop"));
    mustFail("ELOOP", () => image.stat("loop/x"));
    mustFail("ELOOP", () => image.writeTextFile("loop", ""));
    image.remove("loop");
  });
});

Deno.test("library: names of any bytes", () => {
  withImage((image) => {
    const name = Uint8Array.of(0xff, 0xfe, 0x0a, 0x01, 0xc3);
    image.mkdir(name);
    const inside = Uint8Array.of(...name, 0x2f, 0x80);
    image.writeTextFile(inside, "bytes");
    assert.equal(image.readTextFile(inside), "bytes");
    const entry = [...image.readDir("/")].find(({ name }) => name.includes("\ufffd"));
    assert.deepEqual(entry?.nameBytes, name);
    image.symlink(name, "link");
    assert.deepEqual(image.readLink(encoder.encode("link")), name);
    assert.equal(image.readLink("link"), "\ufffd\ufffd\n\x01\ufffd");
    assert.deepEqual(
      image.realPath(encoder.encode("link")),
      Uint8Array.of(0x2f, ...name),
    );
    assert.match(mustFail("EEXIST", () => image.mkdir(name)).message, /^mkdir ".*\\n/);
    image.writeTextFile("\ufeffbom", "kept");
    assert.ok([...image.readDir("/")].some(({ name }) => name === "\ufeffbom"));
    const walked = [...image.walk("/")].map(({ pathBytes }) => [...pathBytes].join());
    assert.ok(walked.includes([0x2f, ...inside].join()));
  });
});
