import assert from "node:assert/strict";
import { ImageFile, SeekMode } from "../mod.ts";
import { mustFail, patternBytes, withImage } from "../tests/harness/library.ts";

const encoder = new TextEncoder();

Deno.test("library file: read, write and seek move one position", () => {
  withImage((image) => {
    using file = image.create("f");
    assert.ok(file instanceof ImageFile);
    assert.equal(file.write(encoder.encode("hello world")), 11);
    assert.equal(file.seek(6, SeekMode.Start), 6);
    const word = new Uint8Array(5);
    assert.equal(file.read(word), 5);
    assert.equal(new TextDecoder().decode(word), "world");
    assert.equal(file.read(word), null);
    assert.equal(file.read(new Uint8Array(0)), 0);
    assert.equal(file.seek(-5, Deno.SeekMode.End), 6);
    assert.equal(file.seek(-2, Deno.SeekMode.Current), 4);
    assert.equal(file.write(encoder.encode("O")), 1);
    assert.equal(image.readTextFile("f"), "hellO world");
    assert.equal(file.seek(100, SeekMode.Start), 100);
    assert.equal(file.read(word), null);
    file.write(encoder.encode("!"));
    assert.equal(file.stat().size, 101);
    assert.deepEqual(image.readFile("f").subarray(11, 100), new Uint8Array(89));
    mustFail("EINVAL", () => file.seek(-1, SeekMode.Start));
    mustFail("EINVAL", () => file.seek(0, 7));
    mustFail("EINVAL", () => file.seek(0.5, SeekMode.Start));
  });
});

Deno.test("library file: readAt and writeAt leave the position alone", () => {
  withImage((image) => {
    using file = image.create("f");
    file.writeAt(patternBytes(5000), 3000);
    assert.equal(file.seek(0, SeekMode.Current), 0);
    const got = new Uint8Array(6000);
    assert.equal(file.readAt(got, 3000), 5000);
    assert.deepEqual(got.subarray(0, 5000), patternBytes(5000));
    assert.equal(file.readAt(got, 8000), 0);
    mustFail("EINVAL", () => file.readAt(got, -1));
    mustFail("EINVAL", () => file.writeAt(got, NaN));
  });
});

Deno.test("library file: append writes at the end, wherever it was", () => {
  withImage((image) => {
    image.writeTextFile("log", "a");
    using first = image.open("log", { append: true });
    using second = image.open("log", { append: true, read: true });
    first.write(encoder.encode("b"));
    second.write(encoder.encode("c"));
    second.seek(0, SeekMode.Start);
    first.write(encoder.encode("d"));
    const text = new Uint8Array(10);
    assert.equal(second.read(text), 4);
    second.write(encoder.encode("e"));
    assert.equal(image.readTextFile("log"), "abcde");
  });
});

Deno.test("library file: how it was opened decides what may be done", () => {
  withImage((image) => {
    image.writeTextFile("f", "content");
    image.mkdir("dir");
    using reader = image.open("f");
    mustFail("EBADF", () => reader.write(new Uint8Array(1)));
    mustFail("EBADF", () => reader.writeAt(new Uint8Array(1), 0));
    mustFail("EBADF", () => reader.truncate());
    mustFail("EBADF", () => reader.fallocate(0, 10));
    using writer = image.open("f", { write: true });
    mustFail("EBADF", () => writer.read(new Uint8Array(1)));
    using dir = image.open("dir");
    assert.equal(dir.stat().isDirectory, true);
    mustFail("EISDIR", () => dir.read(new Uint8Array(1)));
    mustFail("EISDIR", () => image.open("dir", { write: true }));
    mustFail("EINVAL", () => image.open("f", { create: true }));
    mustFail("EINVAL", () => image.open("f", { truncate: true }));
    mustFail("EINVAL", () => image.open("f", { append: true, truncate: true }));
    mustFail("EINVAL", () => image.open("f", { read: false }));
    mustFail("EEXIST", () => image.open("f", { write: true, createNew: true }));
    mustFail("ENOENT", () => image.open("g", { write: true }));
    mustFail("EISDIR", () => image.open("g/", { write: true, create: true }));
    image.open("g", { append: true, create: true, mode: 0o640 }).close();
    assert.equal(image.stat("g").mode, 0o100640);
    assert.equal(image.readTextFile("f"), "content");
    image.open("f", { write: true, truncate: true }).close();
    assert.equal(image.readTextFile("f"), "");
  });
});

Deno.test("library file: an open file outlives its name", () => {
  withImage((image) => {
    const before = image.statfs();
    const file = image.create("f");
    file.write(patternBytes(100_000));
    const { ino } = file.stat();
    image.remove("f");
    assert.equal(image.exists("f"), false);
    assert.equal(file.stat().nlink, 0);
    const got = new Uint8Array(100_000);
    assert.equal(file.readAt(got, 0), 100_000);
    assert.deepEqual(got, patternBytes(100_000));
    file.writeAt(patternBytes(50_000), 500_000);
    file.truncate(550_000);
    for (let n = 0; n < 50; n++) image.writeTextFile(`other${n}`, "x");
    assert.ok([...image.readDir("/")].every((entry) => entry.ino !== ino));
    for (let n = 0; n < 50; n++) image.remove(`other${n}`);
    file.close();
    file.close();
    mustFail("EBADF", () => file.stat());
    image.sync();
    assert.equal(image.statfs().bfree, before.bfree);
    assert.equal(image.statfs().ffree, before.ffree);
  });
});

Deno.test("library file: removed by rename over it, closed with the image", () => {
  withImage((image) => {
    image.writeTextFile("new", "new");
    const file = image.create("old");
    const second = image.open("old");
    file.write(patternBytes(9000));
    image.rename("new", "old");
    assert.equal(file.stat().size, 9000);
    file.close();
    assert.equal(second.stat().size, 9000);
    assert.equal(image.readTextFile("old"), "new");
    image.close();
    second.close();
    mustFail("EBADF", () => second.stat());
  });
});

Deno.test("library file: truncate, sync, utime, holes", () => {
  withImage((image) => {
    using file = image.create("f");
    file.write(patternBytes(10_000));
    file.truncate(5000);
    assert.equal(file.stat().size, 5000);
    file.truncate(10_000);
    const tail = new Uint8Array(5000);
    file.readAt(tail, 5000);
    assert.deepEqual(tail, new Uint8Array(5000));
    file.sync();
    file.utime(1, 2);
    assert.equal(file.stat().mtime.getTime(), 2000);
    file.writeAt(patternBytes(4096), 1 << 20);
    const hole = file.seekHole(0);
    assert.ok(hole !== null && hole >= 5000 && hole < 1 << 20);
    assert.equal(file.seekData(hole), 1 << 20);
    assert.equal(file.seekData((1 << 20) + 4096), null);
    file.fallocate(0, 1 << 20, { mode: "punchHole" });
    assert.equal(file.seekData(0), 1 << 20);
    file.truncate();
    assert.equal(file.stat().blocks, 0);
  });
});
