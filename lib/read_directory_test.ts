import assert from "node:assert/strict";
import { mustFail, withImage } from "../tests/harness/library.ts";

Deno.test("library: readDir gives names, numbers and types", () => {
  withImage((image) => {
    image.mkdir("d");
    image.writeTextFile("f", "");
    image.symlink("f", "s");
    image.mknod("p", { type: "fifo" });
    const entries = new Map([...image.readDir("/")].map((entry) => [entry.name, entry]));
    assert.deepEqual([...entries.keys()].sort(), ["d", "f", "lost+found", "p", "s"]);
    const types = (name: string): unknown[] => {
      const { isFile, isDirectory, isSymlink } = entries.get(name) ?? {};
      return [isFile, isDirectory, isSymlink];
    };
    assert.deepEqual(types("d"), [false, true, false]);
    assert.deepEqual(types("f"), [true, false, false]);
    assert.deepEqual(types("s"), [false, false, true]);
    assert.deepEqual(types("p"), [false, false, false]);
    assert.equal(entries.get("f")?.ino, image.stat("f").ino);
    assert.deepEqual(entries.get("f")?.nameBytes, Uint8Array.of(0x66));
    assert.deepEqual([...image.readDir("d")], []);
    mustFail("ENOTDIR", () => image.readDir("f"));
    mustFail("ENOENT", () => image.readDir("none"));
    mustFail("ENOTDIR", () => image.readDir("f/x"));
  });
});

Deno.test("library: without file types in entries, the inodes tell", () => {
  withImage((image) => {
    image.mkdir("d");
    image.symlink("d", "s");
    image.writeTextFile("f", "");
    const kinds = [...image.readDir("/")].map((entry) =>
      `${entry.name} ${entry.isDirectory} ${entry.isSymlink} ${entry.isFile}`
    );
    assert.ok(kinds.includes("d true false false"));
    assert.ok(kinds.includes("s false true false"));
    assert.ok(kinds.includes("f false false true"));
  }, { format: { features: ["^filetype"] } });
});

Deno.test("library: a directory may change while it is read", () => {
  withImage((image) => {
    image.mkdir("d");
    for (let n = 0; n < 3000; n++) image.writeTextFile(`d/stays-${n}`, "");
    for (let n = 0; n < 1000; n++) image.writeTextFile(`d/goes-${n}`, "");
    const seen: string[] = [];
    let step = 0;
    for (const { name } of image.readDir("d")) {
      seen.push(name);
      if (step < 1000) {
        image.remove(`d/goes-${step}`);
        image.writeTextFile(`d/comes-${step}`, "");
        step++;
      }
    }
    const stayed = seen.filter((name) => name.startsWith("stays-"));
    assert.equal(stayed.length, 3000);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal([...image.readDir("d")].length, 4000);
  }, { format: { inodes: 8192 } });
});

Deno.test("library: reading ends when the directory or the image is gone", () => {
  withImage((image) => {
    image.mkdir("d");
    for (let n = 0; n < 600; n++) image.writeTextFile(`d/${n}`, "");
    const listing = image.readDir("d");
    listing.next();
    image.remove("d", { recursive: true });
    image.mkdir("other");
    assert.ok([...listing].length < 600);
    const late = image.readDir("/");
    image.close();
    mustFail("EBADF", () => late.next());
  });
});

Deno.test("library: walk goes through a tree, directories first", () => {
  withImage((image) => {
    image.mkdir("t/a/b", { recursive: true });
    image.writeTextFile("t/a/b/f", "");
    image.writeTextFile("t/g", "");
    image.symlink("/t", "t/a/loop");
    const paths = [...image.walk("t")].map(({ path, depth }) => `${depth} ${path}`);
    const wanted = ["1 t/a", "1 t/g", "2 t/a/b", "2 t/a/loop", "3 t/a/b/f"];
    assert.deepEqual([...paths].sort(), wanted);
    assert.ok(paths.indexOf("1 t/a") < paths.indexOf("2 t/a/b"));
    assert.deepEqual(
      [...image.walk("/", { maxDepth: 1 })].map(({ path }) => path).sort(),
      ["/lost+found", "/t"],
    );
    assert.deepEqual([...image.walk("t", { maxDepth: 0 })], []);
    assert.equal([...image.walk()].length, 7);
    mustFail("ENOTDIR", () => image.walk("t/g"));
    for (const { path, isDirectory } of image.walk("/t")) {
      if (isDirectory) image.remove(path, { recursive: true });
    }
    assert.deepEqual([...image.readDir("t")].map(({ name }) => name), ["g"]);
  });
});
