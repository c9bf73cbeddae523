import assert from "node:assert/strict";
import { createMemoryImage, type FormatOptions, type Image, open } from "../../mod.ts";
import { memoryMustBeClean, mustFail, withImage } from "../harness/library.ts";
import { printedSeed, Random } from "../harness/seed.ts";

/** Everything that a version keeps. */
function stateOf(image: Image, path: string) {
  const { mode, uid, gid, size, mtime, mtimeNsec, nlink } = image.stat(path);
  const xattrs = image.listXattrs(path).sort().map((name) => [name, image.getXattr(path, name)]);
  const holes: number[] = [];
  for (let at = image.seekData(path, 0); at !== null;) {
    const end = image.seekHole(path, at) ?? size;
    holes.push(at, end);
    at = image.seekData(path, end);
  }
  return {
    mode,
    uid,
    gid,
    size,
    mtime,
    mtimeNsec,
    nlink,
    xattrs,
    holes,
    content: image.readFile(path),
  };
}

/** Bytes in `.kfs`, as a program that knows nothing of it would count. */
function usedBytes(image: Image): number {
  const { blocks, bfree, bsize } = image.statfs();
  return (blocks - bfree) * bsize;
}

Deno.test("versions of a file are kept, listed and brought back", () => {
  withImage((image) => {
    image.writeTextFile("/file", "one", { mode: 0o640 });
    image.chown("/file", 5, 6);
    image.setXattr("/file", "user.a", "1");
    const first = stateOf(image, "/file");
    assert.deepEqual(image.addVersion("/file", { note: "first" }), {
      number: 1,
      unchanged: false,
      size: 3,
      newBytes: 3,
    });
    assert.equal(image.addVersion("/file").unchanged, true);
    image.writeTextFile("/file", "two, longer");
    image.chmod("/file", 0o600);
    image.removeXattr("/file", "user.a");
    assert.deepEqual([...image.readDir("/")].map(({ name }) => name).sort(), [
      "file",
      "lost+found",
    ]);
    mustFail("EEXIST", () => image.mkdir("/.kfs"));
    const second = stateOf(image, "/file");
    assert.equal(image.addVersion("/file").number, 2);
    const [one, two] = image.versions("/file");
    assert.deepEqual([one?.note, one?.size, one?.changedBytes], ["first", 3, 3]);
    assert.deepEqual(two?.changed, ["size", "mode", "attributes"]);
    const restored = image.restoreVersion("/file", { number: 1 });
    assert.equal(restored.keptAs, 2);
    assert.deepEqual(stateOf(image, "/file"), first);
    image.restoreVersion("/file", { number: 2 });
    assert.deepEqual(stateOf(image, "/file"), second);
    assert.deepEqual(image.versions("/file").map(({ number }) => number), [1, 2]);
  });
});

Deno.test("versions and snapshots live side by side, out of sight", () => {
  const memory = withImage((image) => {
    image.writeTextFile("/file", "1");
    image.addVersion("/file");
    image.snapshots.create("one");
    image.writeTextFile("/file", "2");
    image.addVersion("/file");
    image.restoreVersion("/file", { number: 1 });
    using view = image.snapshots.open("one");
    assert.equal(view.versions("/file").length, 1);
  });
  using image = open(memory);
  assert.deepEqual([...image.walk()].map(({ path }) => path).sort(), ["/file", "/lost+found"]);
  assert.equal(image.versions("/file").length, 2);
  assert.deepEqual(image.snapshots.list().map(({ damaged }) => damaged), [false]);
});

Deno.test("versions follow a file through renames, and a file that takes its place", () => {
  withImage((image) => {
    image.mkdir("/d");
    image.writeTextFile("/file", "1");
    image.addVersion("/file");
    image.rename("/file", "/d/other");
    image.writeTextFile("/d/other", "2");
    image.addVersion("/d/other");
    assert.deepEqual(image.versions("/d/other").at(-1)?.changed, ["path"]);
    mustFail("ENOENT", () => image.versions("/file"));
    // As an editor saves: a new file over the old one.
    image.writeTextFile("/d/new", "3");
    image.rename("/d/new", "/d/other");
    assert.equal(image.addVersion("/d/other").number, 3);
    image.remove("/d/other");
    assert.equal(image.versions("/d/other").length, 3);
    assert.equal(image.restoreVersion("d/../d/other").number, 3);
    assert.equal(image.readTextFile("/d/other"), "3");
    image.symlink("d/other", "/link");
    assert.equal(image.restoreVersion("/link", { number: 1 }).number, 1);
    assert.equal(image.readTextFile("/d/other"), "1");
    assert.equal(image.readLink("/link"), "d/other");
  });
});

Deno.test("versions share what is equal, wherever it moved; holes stay holes", () => {
  withImage((image) => {
    const random = new Random(7);
    const base = random.fill(new Uint8Array(4 << 20));
    image.writeFile("/file", base);
    image.addVersion("/file");
    const before = usedBytes(image);
    for (let number = 2; number <= 6; number++) {
      // Some bytes are put into the middle: everything behind them moves.
      const at = random.below(base.length);
      const content = new Uint8Array(base.length + 13);
      content.set(base.subarray(0, at));
      content.set(base.subarray(at), at + 13);
      image.writeFile("/file", content);
      const kept = image.addVersion("/file");
      assert.equal(kept.number, number);
      assert.ok(kept.newBytes < 300_000, `${kept.newBytes} new bytes`);
    }
    assert.ok(usedBytes(image) - before < 2 << 20, `${usedBytes(image) - before} bytes`);
    using sparse = image.create("/sparse");
    sparse.truncate(50 << 20);
    sparse.writeAt(base.subarray(0, 100_000), 30 << 20);
    sparse.close();
    const state = stateOf(image, "/sparse").holes;
    assert.equal(image.addVersion("/sparse").newBytes < 200_000, true);
    image.remove("/sparse");
    image.restoreVersion("/sparse");
    assert.deepEqual(stateOf(image, "/sparse").holes, state);
  }, { size: 64 << 20, format: { blockBytes: 4096 } });
});

Deno.test("versions that are let go of give their space back; those that stay are whole", () => {
  withImage((image) => {
    const random = new Random(9);
    image.mkdir("/d");
    image.writeTextFile("/d/small", "x");
    image.addVersion("/d/small");
    const empty = usedBytes(image);
    const contents: Uint8Array[] = [];
    for (let number = 1; number <= 5; number++) {
      contents.push(random.fill(new Uint8Array(1_000_000)));
      image.writeFile("/file", contents.at(-1) ?? new Uint8Array(0));
      image.addVersion("/file");
    }
    assert.ok(image.versions("/file").every(({ aloneBytes }) => aloneBytes === 1_000_000));
    const full = usedBytes(image);
    assert.deepEqual(image.pruneVersions("/file", { remove: 2 }), {
      removed: [2],
      kept: [1, 3, 4, 5],
    });
    assert.ok(full - usedBytes(image) > 900_000);
    assert.deepEqual(image.pruneVersions("/file", { keep: 2 }).kept, [4, 5]);
    image.restoreVersion("/file", { number: 4 });
    assert.deepEqual(image.readFile("/file"), contents[3]);
    image.pruneVersions("/file", { keep: 0 });
    mustFail("ENOENT", () => image.versions("/file"));
    image.remove("/file");
    assert.ok(usedBytes(image) - empty < 100_000, `${usedBytes(image) - empty}`);
    assert.equal(image.versions("/d/small").length, 1);
  }, { size: 32 << 20, format: { blockBytes: 4096 } });
});

Deno.test("a version that is damaged is not restored, and the file stays", () => {
  const memory = createMemoryImage(16 << 20, { blockBytes: 4096 });
  {
    using image = open(memory);
    image.writeFile("/file", new TextEncoder().encode("needle in the data file ".repeat(1000)));
    image.addVersion("/file");
    image.writeTextFile("/file", "now");
  }
  // What the file held, is only in the data file by now: it is changed there.
  const bytes = memory.toUint8Array();
  const needle = new TextEncoder().encode("needle in the data file needle");
  for (let at = 0; at < bytes.length - needle.length; at++) {
    if (bytes[at] !== needle[0] || needle.some((byte, index) => bytes[at + index] !== byte)) {
      continue;
    }
    memory.write(Uint8Array.of(0x58), at);
    at += needle.length;
  }
  using image = open(memory);
  const error = mustFail("EIO", () => image.restoreVersion("/file", { number: 1 }));
  assert.match(error.message, /version 1 is damaged/);
  assert.equal(image.readTextFile("/file"), "now");
  assert.equal(image.versions("/file").length, 2, "what was there was kept");
});

Deno.test("bad requests change nothing", () => {
  withImage((image) => {
    image.mkdir("/d");
    image.symlink("/none", "/dangling");
    mustFail("EINVAL", () => image.addVersion("/d"));
    mustFail("ENOENT", () => image.addVersion("/none"));
    mustFail("ENOENT", () => image.restoreVersion("/none"));
    mustFail("ENOENT", () => image.versions("/d/none"));
    image.writeTextFile("/file", "x");
    mustFail("ENOENT", () => image.restoreVersion("/file"));
    image.addVersion("/file");
    mustFail("ENOENT", () => image.restoreVersion("/file", { number: 7 }));
    mustFail("ENOENT", () => image.pruneVersions("/file", { remove: 7 }));
  });
});

const FORMATS: readonly FormatOptions[] = [
  { blockBytes: 1024 },
  { type: "ext2", blockBytes: 1024 },
  { features: ["inline_data", "quota", "project"] },
  { features: ["bigalloc"], blockBytes: 1024, clusterBytes: 8192 },
];

for (const format of FORMATS) {
  Deno.test(`random versions on ${JSON.stringify(format)} come back as they were`, () => {
    const random = new Random(printedSeed("versions"));
    const memory = createMemoryImage(24 << 20, format);
    const kept = new Map<string, ReturnType<typeof stateOf>[]>();
    for (let round = 0; round < 3; round++) {
      using image = open(memory);
      for (let step = 0; step < 25; step++) actOnce(image, random, kept);
    }
    memoryMustBeClean(memory);
  });
}

function actOnce(
  image: Image,
  random: Random,
  kept: Map<string, ReturnType<typeof stateOf>[]>,
): void {
  const path = `/file-${random.below(3)}`;
  const states = kept.get(path);
  if (states === undefined || random.chance(40)) {
    using file = image.open(path, { write: true, create: true });
    const bytes = random.fill(new Uint8Array(random.pick([10, 3000, 70_000])));
    file.writeAt(bytes, random.below(300_000));
    if (random.chance(20)) file.truncate(random.below(300_000));
    if (random.chance(20)) image.setXattr(path, "user.x", random.fill(new Uint8Array(300)));
    if (states === undefined) kept.set(path, []);
  } else if (states.length > 0 && random.chance(45)) {
    const number = random.between(1, states.length);
    const current = stateOf(image, path);
    const { keptAs = 0 } = image.restoreVersion(path, { number });
    if (keptAs > states.length) states.push(current);
    assert.deepEqual(stateOf(image, path), states[number - 1]);
  } else {
    const state = stateOf(image, path);
    const { number, unchanged } = image.addVersion(path);
    if (!unchanged) states.push(state);
    assert.equal(unchanged ? number <= states.length : number === states.length, true);
  }
}
