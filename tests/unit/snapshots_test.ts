import assert from "node:assert/strict";
import { createMemoryImage, FsError, type Image, MemoryImage, open, resize } from "../../mod.ts";
import { must } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { memoryMustBeClean, mustFail, patternBytes } from "../harness/library.ts";
import { Scratch } from "../harness/scratch.ts";
import { programs, testWith } from "../harness/skip.ts";

const MIB = 1 << 20;

function names(image: Image): string[] {
  return image.snapshots.list().map(({ name, damaged }) => damaged ? `${name} damaged` : name);
}

function readIn(image: Image, snapshot: string, path: string): Uint8Array {
  using view = image.snapshots.open(snapshot);
  return view.readFile(path);
}

/** Writes to a file until there is no room. @returns bytes */
function fill(image: Image, path: string): number {
  using file = image.open(path, { write: true, create: true });
  const piece = patternBytes(MIB, 9);
  let done = 0;
  try {
    for (;;) done += file.writeAt(piece, done);
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== "ENOSPC") throw error;
    return done;
  }
}

Deno.test("snapshots: names, order, what they show, and what is refused", () => {
  const memory = createMemoryImage(32 * MIB, { blockBytes: 4096 });
  {
    using image = open(memory);
    assert.deepEqual(image.snapshots.list(), []);
    image.mkdir("/d");
    image.writeFile("/d/f", patternBytes(100_000, 1));
    image.snapshots.create("one");
    image.writeFile("/d/f", patternBytes(100_000, 2));
    image.snapshots.create("two");
    image.remove("/d", { recursive: true });
    image.snapshots.create("three-3.x");
    assert.deepEqual(names(image), ["one", "two", "three-3.x"]);
    assert.deepEqual(readIn(image, "one", "/d/f"), patternBytes(100_000, 1));
    assert.deepEqual(readIn(image, "two", "/d/f"), patternBytes(100_000, 2));
    assert.deepEqual([...image.readDir("/")].map(({ name }) => name), ["lost+found"]);
    using view = image.snapshots.open("two");
    mustFail("EROFS", () => view.mkdir("/x"));
    assert.deepEqual([...view.readDir("/")].map(({ name }) => name).sort(), ["d", "lost+found"]);
    assert.equal(view.exists("/.kfs"), false);
    assert.equal(image.exists("/.kfs"), false);
    mustFail("EEXIST", () => image.mkdir("/.kfs"));
    mustFail("EEXIST", () => image.snapshots.create("one"));
    for (const bad of ["", ".", "..", "a/b", ".x", "-x", "a b", "a\n", "é", "x".repeat(201)]) {
      mustFail("EINVAL", () => image.snapshots.create(bad), JSON.stringify(bad));
      mustFail("EINVAL", () => image.snapshots.rename("one", bad), JSON.stringify(bad));
    }
    mustFail("ENOENT", () => image.snapshots.open("none"));
    mustFail("ENOENT", () => image.snapshots.delete("none"));
    mustFail("EEXIST", () => image.snapshots.rename("one", "two"));
    image.snapshots.rename("one", "first");
  }
  memoryMustBeClean(memory);
  {
    using image = open(memory, { readOnly: true });
    assert.deepEqual(names(image), ["first", "two", "three-3.x"]);
    assert.deepEqual(readIn(image, "first", "/d/f"), patternBytes(100_000, 1));
    mustFail("EROFS", () => image.snapshots.create("x"));
    mustFail("EROFS", () => image.snapshots.delete("two"));
    mustFail("EROFS", () => image.snapshots.rename("two", "x"));
  }
  using image = open(memory);
  const before = image.statfs().bfree;
  for (const name of ["two", "first", "three-3.x"]) image.snapshots.delete(name);
  assert.ok(image.statfs().bfree > before);
  assert.deepEqual(names(image), []);
});

Deno.test("snapshots: none on file systems that cannot have them", () => {
  using bigalloc = open(createMemoryImage(32 * MIB, { features: ["bigalloc"] }));
  const error = mustFail("EOPNOTSUPP", () => bigalloc.snapshots.create("a"));
  assert.match(error.message, /bigalloc/);
  using ext3 = open(createMemoryImage(32 * MIB, { type: "ext3" }));
  mustFail("EOPNOTSUPP", () => ext3.snapshots.create("a"));
  using full = open(createMemoryImage(8 * MIB));
  fill(full, "/f");
  mustFail("ENOSPC", () => full.snapshots.create("a"));
  assert.deepEqual(names(full), []);
});

Deno.test("snapshots: more than 64, each as it was", () => {
  const memory = createMemoryImage(64 * MIB, { blockBytes: 1024 });
  {
    using image = open(memory);
    for (let i = 0; i < 70; i++) {
      image.writeTextFile("/same", `state ${i}`);
      image.writeTextFile(`/f${i}`, `file ${i}`);
      image.snapshots.create(`s${i}`);
    }
    for (let i = 0; i < 70; i += 3) image.snapshots.delete(`s${i}`);
  }
  memoryMustBeClean(memory);
  using image = open(memory);
  for (let i = 0; i < 70; i++) {
    if (i % 3 === 0) continue;
    using view = image.snapshots.open(`s${i}`);
    assert.equal(view.readTextFile("/same"), `state ${i}`);
    assert.equal(view.exists(`/f${i}`), true);
    assert.equal(view.exists(`/f${i + 1}`), false);
  }
});

Deno.test("snapshots: a full disk drops the oldest first, and says so", () => {
  const memory = createMemoryImage(48 * MIB, { blockBytes: 4096 });
  const told: string[] = [];
  {
    using image = open(memory, { report: (text) => told.push(text) });
    for (let i = 0; i < 3; i++) {
      image.writeFile("/f", patternBytes(4 * MIB, i));
      image.snapshots.create(`s${i}`);
    }
    image.remove("/f");
    const before = fill(image, "/g");
    assert.deepEqual(names(image), []);
    assert.deepEqual(
      told.map((text) => /dropped|s\d/.exec(text)?.[0]),
      ["s0", "s1", "s2"],
      told.join("\n"),
    );
    assert.ok(before > 30 * MIB, `${before}`);
  }
  memoryMustBeClean(memory);
});

Deno.test("snapshots: a full disk refuses changes where it is to, and nothing is lost", () => {
  const memory = createMemoryImage(48 * MIB, { blockBytes: 4096 });
  const told: string[] = [];
  {
    using image = open(memory, { snapshotFull: "refuse", report: (text) => told.push(text) });
    image.writeFile("/f", patternBytes(4 * MIB, 1));
    image.writeFile("/h", patternBytes(4 * MIB, 2));
    image.snapshots.create("s");
    const size = fill(image, "/g");
    mustFail("ENOSPC", () => image.writeFile("/f", patternBytes(4 * MIB, 3)));
    assert.equal(told.length, 1, told.join("\n"));
    // Names can be taken away, and the snapshot still has all.
    image.remove("/h");
    for (let i = 0; i < 2000; i++) {
      try {
        image.mkdir(`/d${i}`);
        image.remove(`/d${i}`);
      } catch (error) {
        if (!(error instanceof FsError) || error.code !== "ENOSPC") throw error;
        break;
      }
    }
    assert.deepEqual(readIn(image, "s", "/f"), patternBytes(4 * MIB, 1));
    assert.deepEqual(readIn(image, "s", "/h"), patternBytes(4 * MIB, 2));
    image.snapshots.delete("s");
    image.remove("/g");
    assert.ok(size > 4 * MIB);
    image.writeFile("/f", patternBytes(4 * MIB, 3));
  }
  memoryMustBeClean(memory);
});

testWith({
  name: "snapshots: what another program changed is noticed",
  needs: [programs("debugfs", "e2fsck", "tune2fs")],
  fn: () => {
    using scratch = new Scratch("snapshots");
    const path = scratch.path("image");
    Deno.writeTextFileSync(scratch.path("text"), "other");
    const changes: readonly (readonly string[])[] = [
      ["debugfs", "-w", "-R", `write ${scratch.path("text")} other`, path],
      ["debugfs", "-w", "-R", "rm /f", path],
      ["tune2fs", "-L", "name", path],
      ["e2fsck", "-fy", path],
    ];
    const memory = createMemoryImage(16 * MIB, {});
    {
      using image = open(memory);
      for (const path of ["/f", "/g"]) image.writeTextFile(path, "text");
      image.snapshots.create("a");
      image.snapshots.create("b");
    }
    for (const [program = "", ...args] of changes) {
      memory.writeTo(path);
      must("e2fsck", ["-fn", path]);
      must("dumpe2fs", ["-h", path]);
      {
        using image = open(path, { readOnly: true });
        assert.deepEqual(names(image), ["a", "b"], "programs that only read change nothing");
      }
      must(program, args);
      const told: string[] = [];
      {
        using image = open(path, { readOnly: true, report: (text) => told.push(text) });
        assert.deepEqual(names(image), ["a damaged", "b damaged"], program);
        mustFail("EIO", () => image.snapshots.open("a"));
      }
      assert.match(told.join("\n"), /another program/);
      {
        using image = open(path);
        assert.deepEqual(names(image), ["a damaged", "b damaged"], program);
        image.snapshots.create("c");
        image.writeTextFile("/g", "later");
        assert.equal(new TextDecoder().decode(readIn(image, "c", "/g")), "text");
      }
      mustBeClean(path);
      {
        using image = open(path);
        assert.deepEqual(names(image), ["a damaged", "b damaged", "c"], program);
        for (const name of ["b", "a"]) image.snapshots.delete(name);
        assert.equal(new TextDecoder().decode(readIn(image, "c", "/g")), "text");
        image.snapshots.delete("c");
      }
      mustBeClean(path);
    }
  },
});

Deno.test("snapshots: without a journal, an end without closing damages them", () => {
  const memory = createMemoryImage(16 * MIB, { features: ["^has_journal"] });
  {
    using image = open(memory);
    image.snapshots.create("a");
  }
  {
    using image = open(memory);
    assert.deepEqual(names(image), ["a"]);
    image.sync();
    const crashed = MemoryImage.from(memory.toUint8Array());
    using after = open(crashed);
    assert.deepEqual(names(after), ["a damaged"]);
  }
});

Deno.test("snapshots: what would spoil them is refused, defragmenting does not", () => {
  const memory = createMemoryImage(32 * MIB, { blockBytes: 4096 });
  {
    using image = open(memory);
    for (let i = 0; i < 40; i++) {
      for (const path of ["/a", "/b"]) {
        using file = image.open(path, { write: true, create: true });
        file.writeAt(patternBytes(8192, i), i * 8192);
        image.sync();
      }
    }
    image.snapshots.create("s");
    const content = image.readFile("/a");
    for (const _ of image.defragment("/a"));
    assert.deepEqual(image.readFile("/a"), content);
    assert.deepEqual(readIn(image, "s", "/a"), content);
  }
  memoryMustBeClean(memory);
  const error = mustFail("EBUSY", () => resize(memory, 24 * MIB));
  assert.match(error.message, /snapshots/);
  using image = open(memory);
  assert.deepEqual(names(image), ["s"]);
});
