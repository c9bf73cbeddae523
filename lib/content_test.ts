import assert from "node:assert/strict";
import { mustFail, patternBytes, withImage } from "../tests/harness/library.ts";

Deno.test("library: writeFile and readFile, of all sizes about a block", () => {
  withImage((image) => {
    for (const length of [0, 1, 59, 60, 61, 1023, 1024, 1025, 4095, 4096, 4097, 300_000]) {
      const data = patternBytes(length, length);
      image.writeFile("file", data);
      assert.deepEqual(image.readFile("file"), data, String(length));
      assert.equal(image.stat("file").size, length);
    }
    const info = image.stat("file");
    assert.equal(info.mode, 0o100644);
    assert.equal(info.nlink, 1);
  });
});

Deno.test("library: a file of many mebibytes", () => {
  withImage((image) => {
    const data = patternBytes((9 << 20) + 12345);
    image.writeFile("big", data);
    assert.deepEqual(image.readFile("big"), data);
    image.writeFile("big", new Uint8Array([1]), { append: true });
    assert.equal(image.stat("big").size, data.length + 1);
  }, { size: 32 << 20 });
});

Deno.test("library: writeFile's options", () => {
  withImage((image) => {
    image.writeTextFile("a", "one", { append: true });
    image.writeTextFile("a", "two", { append: true });
    assert.equal(image.readTextFile("a"), "onetwo");
    mustFail("EEXIST", () => image.writeTextFile("a", "x", { createNew: true }));
    mustFail("ENOENT", () => image.writeTextFile("b", "x", { create: false }));
    image.writeTextFile("a", "x", { create: false });
    assert.equal(image.readTextFile("a"), "x");
    image.writeTextFile("a", "x", { mode: 0o4711 });
    assert.equal(image.stat("a").mode, 0o104711);
    image.writeTextFile("b", "x", { createNew: true, mode: 0o600 });
    assert.equal(image.stat("b").mode, 0o100600);
    image.symlink("target", "dangling");
    mustFail("EEXIST", () => image.writeTextFile("dangling", "x", { createNew: true }));
    image.writeTextFile("dangling", "through the link");
    assert.equal(image.readTextFile("target"), "through the link");
  });
});

Deno.test("library: reading and writing what is no file", () => {
  withImage((image) => {
    image.mkdir("dir");
    image.mknod("fifo", { type: "fifo" });
    mustFail("EISDIR", () => image.readFile("dir"));
    mustFail("EISDIR", () => image.writeTextFile("dir", ""));
    mustFail("EISDIR", () => image.writeTextFile("new/", ""));
    mustFail("EINVAL", () => image.readFile("fifo"));
    mustFail("ENXIO", () => image.writeTextFile("fifo", "x"));
    mustFail("ENOENT", () => image.readFile("none"));
    mustFail("ENOENT", () => image.writeTextFile("none/file", ""));
  });
});

Deno.test("library: text is UTF-8, a byte order mark is kept", () => {
  withImage((image) => {
    image.writeTextFile("t", "\ufeffgrüße 你好 🎉");
    assert.equal(image.readTextFile("t"), "\ufeffgrüße 你好 🎉");
    assert.equal(image.readFile("t").length, 22);
    image.writeFile("bad", Uint8Array.of(0x61, 0xff));
    assert.equal(image.readTextFile("bad"), "a\ufffd");
  });
});

Deno.test("library: copyFile copies content, permissions and holes", () => {
  withImage((image) => {
    const size = 5_000_123;
    using file = image.create("source");
    file.writeAt(patternBytes(70_000), 1_000_000);
    file.writeAt(patternBytes(10, 3), 3_000_001);
    file.truncate(size);
    image.chmod("source", 0o4751);
    image.copyFile("source", "copy");
    assert.deepEqual(image.readFile("copy"), image.readFile("source"));
    assert.equal(image.stat("copy").mode, 0o104751);
    assert.ok(image.stat("copy").blocks <= image.stat("source").blocks);
    image.writeTextFile("short", "s", { mode: 0o600 });
    image.copyFile("short", "copy");
    assert.equal(image.readTextFile("copy"), "s");
    assert.equal(image.stat("copy").mode, 0o100600);
    image.writeTextFile("empty", "");
    image.copyFile("empty", "copy");
    assert.equal(image.stat("copy").size, 0);

    image.mkdir("dir");
    mustFail("EISDIR", () => image.copyFile("dir", "x"));
    mustFail("EISDIR", () => image.copyFile("short", "dir"));
    mustFail("ENOENT", () => image.copyFile("none", "x"));
    mustFail("EINVAL", () => image.copyFile("short", "short"));
    image.link("short", "other-name");
    mustFail("EINVAL", () => image.copyFile("short", "other-name"));
    assert.equal(image.readTextFile("short"), "s");
    const message = mustFail("ENOENT", () => image.copyFile("none", "x")).message;
    assert.equal(message, 'copyFile "none" to "x": no such file or directory (ENOENT)');
  });
});

Deno.test("library: running out of space is ENOSPC, and the image stays sound", () => {
  withImage((image) => {
    mustFail("ENOSPC", () => image.writeFile("big", patternBytes(20 << 20)));
    const before = image.statfs();
    assert.ok(before.bfree < 64, `${before.bfree} blocks are left`);
    for (let n = 0; n < 3; n++) {
      mustFail("ENOSPC", () => image.writeFile(`f${n}`, patternBytes(1 << 20)));
    }
    image.remove("big");
    for (const { name } of [...image.readDir("/")]) {
      if (name !== "lost+found") image.remove(name);
    }
    image.writeFile("again", patternBytes(4 << 20));
    assert.deepEqual(image.readFile("again"), patternBytes(4 << 20));
  });
});

Deno.test("library: running out of inodes is ENOSPC", () => {
  withImage((image) => {
    const free = image.statfs().ffree;
    for (let n = 0; n < free; n++) image.writeTextFile(`n${n}`, "");
    mustFail("ENOSPC", () => image.writeTextFile("one-more", ""));
    mustFail("ENOSPC", () => image.mkdir("one-more"));
    mustFail("ENOSPC", () => image.symlink("x", "one-more"));
    image.remove("n0");
    image.mkdir("one-more");
  }, { format: { inodes: 128 } });
});

Deno.test("library: a file too large to read whole says so", () => {
  withImage((image) => {
    image.writeTextFile("sparse", "");
    image.truncate("sparse", 3 * 2 ** 30);
    mustFail("EFBIG", () => image.readFile("sparse"));
    using file = image.open("sparse");
    const end = new Uint8Array(10);
    assert.equal(file.readAt(end, 3 * 2 ** 30 - 5), 5);
    mustFail("EFBIG", () => image.truncate("sparse", 2 ** 52));
  });
});
