import assert from "node:assert/strict";
import {
  Corrupt,
  createMemoryImage,
  format,
  type Image,
  MemoryDevice,
  MemoryImage,
  open,
  SystemError,
} from "../mod.ts";
import { mustBeClean } from "../tests/harness/e2fsck.ts";
import { memoryMustBeClean, mustFail, withFile } from "../tests/harness/library.ts";
import { Scratch } from "../tests/harness/scratch.ts";
import { run } from "../tools/process.ts";

/** One call of every method. */
const CALLS: ReadonlyMap<string, (image: Image) => unknown> = new Map<
  string,
  (image: Image) => unknown
>([
  ["readFile", (image) => image.readFile("f")],
  ["readTextFile", (image) => image.readTextFile("f")],
  ["writeFile", (image) => image.writeFile("f", new Uint8Array(1))],
  ["writeTextFile", (image) => image.writeTextFile("f", "x")],
  ["open", (image) => image.open("f")],
  ["create", (image) => image.create("f")],
  ["copyFile", (image) => image.copyFile("f", "g")],
  ["truncate", (image) => image.truncate("f", 1)],
  ["fallocate", (image) => image.fallocate("f", 0, 4096)],
  ["seekData", (image) => image.seekData("f", 0)],
  ["seekHole", (image) => image.seekHole("f", 0)],
  ["mkdir", (image) => image.mkdir("new")],
  ["readDir", (image) => [...image.readDir("/")]],
  ["walk", (image) => [...image.walk()]],
  ["writeTar", (image) => image.writeTar(() => undefined)],
  ["remove", (image) => image.remove("f")],
  ["rename", (image) => image.rename("f", "g")],
  ["link", (image) => image.link("f", "g")],
  ["symlink", (image) => image.symlink("f", "g")],
  ["readLink", (image) => image.readLink("s")],
  ["realPath", (image) => image.realPath("s")],
  ["mknod", (image) => image.mknod("p", { type: "fifo" })],
  ["stat", (image) => image.stat("f")],
  ["lstat", (image) => image.lstat("s")],
  ["exists", (image) => image.exists("f")],
  ["chmod", (image) => image.chmod("f", 0o600)],
  ["chown", (image) => image.chown("f", 1, 1)],
  ["utime", (image) => image.utime("f", 1, 1)],
  ["getFlags", (image) => image.getFlags("f")],
  ["setFlags", (image) => image.setFlags("f", image.getFlags("f") ^ 0x40)],
  ["getXattr", (image) => image.getXattr("f", "user.a")],
  ["setXattr", (image) => image.setXattr("f", "user.a", "x")],
  ["removeXattr", (image) => image.removeXattr("f", "user.b")],
  ["listXattrs", (image) => image.listXattrs("f")],
  ["getProject", (image) => image.getProject("f")],
  ["setProject", (image) => image.setProject("f", 3)],
  ["getQuota", (image) => image.getQuota("user", 0)],
  ["listQuotas", (image) => image.listQuotas("group")],
  ["setQuota", (image) => image.setQuota("project", 3, { inodesHard: 9 })],
  ["statfs", (image) => image.statfs()],
  ["describe", (image) => image.describe()],
  ["extents", (image) => image.extents("f")],
  ["freeRuns", (image) => image.freeRuns().next()],
  ["fragmentation", (image) => image.fragmentation("f")],
  ["defragment", (image) => [...image.defragment("f")]],
  ["defragmentAll", (image) => [...image.defragmentAll()]],
  ["addVersion", (image) => image.addVersion("f")],
  ["versions", (image) => image.versions("v")],
  ["restoreVersion", (image) => image.restoreVersion("v")],
  ["pruneVersions", (image) => image.pruneVersions("v", { keep: 0 })],
  ["setLabel", (image) => image.setLabel("new")],
  ["trim", (image) => image.trim()],
  ["sync", (image) => image.sync()],
]);
/** Of these, what works on a read-only image. */
const READING = new Set([
  "readFile",
  "readTextFile",
  "open",
  "seekData",
  "seekHole",
  "readDir",
  "walk",
  "writeTar",
  "readLink",
  "realPath",
  "stat",
  "lstat",
  "exists",
  "getFlags",
  "getProject",
  "getQuota",
  "listQuotas",
  "getXattr",
  "listXattrs",
  "statfs",
  "describe",
  "extents",
  "freeRuns",
  "fragmentation",
  "versions",
  "sync",
]);

function smallImage(): MemoryImage {
  const memory = createMemoryImage(16 << 20, { features: ["quota", "project"] });
  using image = open(memory);
  image.writeTextFile("f", "content");
  image.symlink("f", "s");
  image.writeTextFile("v", "version");
  image.addVersion("v");
  image.setXattr("f", "user.b", "b");
  return memory;
}

Deno.test("library: after close every method throws, and close does nothing", () => {
  const image = open(smallImage());
  image.close();
  image.close();
  assert.equal(image.closed, true);
  for (const [name, call] of CALLS) {
    const error = mustFail("EBADF", () => call(image));
    assert.match(error.message, /the image is closed/, name);
  }
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(image));
  const known = new Set([...CALLS.keys(), "constructor", "close", "closed"]);
  assert.deepEqual(methods.filter((name) => !known.has(name)), []);
});

Deno.test("library: a read-only image answers and changes nothing", () => {
  const memory = smallImage();
  const before = memory.toUint8Array();
  {
    using image = open(memory, { readOnly: true });
    for (const [name, call] of CALLS) {
      if (READING.has(name)) call(image);
      else mustFail("EROFS", () => call(image), name);
    }
  }
  assert.deepEqual(memory.toUint8Array(), before);
});

Deno.test("library: everything that a read-write image can do", () => {
  for (const [name, call] of CALLS) {
    const memory = smallImage();
    {
      using image = open(memory);
      call(image);
    }
    memoryMustBeClean(memory, `after ${name}`);
  }
});

Deno.test("library: an image file is locked while it is open", () => {
  using scratch = new Scratch("open");
  const path = scratch.path("image");
  format(path, { size: 16 << 20 });
  {
    using _image = open(path);
    mustFail("EBUSY", () => open(path));
    mustFail("EBUSY", () => open(path, { readOnly: true }));
  }
  {
    using _first = open(path, { readOnly: true });
    using _second = open(path, { readOnly: true });
    mustFail("EBUSY", () => open(path));
  }
  open(path).close();
  const memory = smallImage();
  {
    using _image = open(memory);
    mustFail("EBUSY", () => open(memory));
  }
  open(memory).close();
});

Deno.test("library: what cannot be opened", () => {
  using scratch = new Scratch("open");
  const missing = mustFail("ENOENT", () => open(scratch.path("none")));
  assert.ok(missing.cause instanceof SystemError);
  const path = scratch.path("file");
  Deno.writeFileSync(path, new Uint8Array(1 << 20));
  const error = mustFail("EUCLEAN", () => open(path));
  assert.ok(error.cause instanceof Corrupt);
  assert.equal(error.path, path);
  Deno.writeTextFileSync(path, "short");
  mustFail("EUCLEAN", () => open(path));
  mustFail("EINVAL", () => open(scratch.folder, { readOnly: true }));
  mustFail("EINVAL", () => open(path, { offset: 100 }));
  mustFail("EUCLEAN", () => open(new MemoryImage(1 << 20)));
  mustFail("EINVAL", () => open(smallImage(), { offset: 1024 }));
  // The failed attempts left no lock behind.
  format(path, { size: 16 << 20 });
  open(path).close();
  const half = smallImage().toUint8Array().subarray(0, 8 << 20);
  mustFail("EUCLEAN", () => open(MemoryImage.from(half)));
});

Deno.test("library: an image is marked as in use while it is open", () => {
  const memory = smallImage();
  const stateAt = 1024 + 0x3a;
  const image = open(memory);
  image.writeTextFile("g", "");
  image.sync();
  assert.equal(memory.toUint8Array()[stateAt], 0);
  image.close();
  assert.equal(memory.toUint8Array()[stateAt], 1);
});

Deno.test("library: what was synced is there after a crash, orphans are cleaned up", () => {
  const memory = smallImage();
  const image = open(memory);
  const before = image.statfs();
  image.writeTextFile("kept", "kept");
  const file = image.create("orphan");
  file.write(new Uint8Array(100_000).fill(1));
  image.remove("orphan");
  image.sync();
  const crashed = MemoryImage.from(memory.toUint8Array());
  image.close();
  {
    using again = open(crashed);
    assert.equal(again.readTextFile("kept"), "kept");
    assert.equal(again.statfs().ffree, before.ffree - 1);
  }
  memoryMustBeClean(crashed);
});

Deno.test("library: a device of one's own; it is not closed with the image", () => {
  const device = new MemoryDevice(16 << 20);
  format(device);
  for (let round = 0; round < 2; round++) {
    using image = open(device, { cache: 1 << 16 });
    image.writeTextFile(`f${round}`, "x");
    assert.equal(image.exists("f0"), true);
  }
});

Deno.test("library: damage is reported, and what errors= says is done", () => {
  const reports: string[] = [];
  const damaged = damagedImage();
  {
    const options = { errors: "continue", report: (line: string) => reports.push(line) } as const;
    using image = open(damaged, options);
    const error = mustFail("EUCLEAN", () => image.readDir("dir").next());
    assert.ok(error.cause instanceof Corrupt);
    assert.ok(reports.length > 0);
    image.writeTextFile("g", "still writable");
  }
  using image = open(damagedImage(), { errors: "remount-ro" });
  mustFail("EUCLEAN", () => [...image.readDir("dir")]);
  mustFail("EROFS", () => image.writeTextFile("g", ""));
  assert.equal(image.readTextFile("f"), "content");
});

/** An image in which the block of directory "dir" is garbage. */
function damagedImage(): MemoryImage {
  const memory = smallImage();
  const marker = "a-name-that-is-found-again";
  {
    using image = open(memory);
    image.mkdir("dir");
    image.writeTextFile(`dir/${marker}`, "");
  }
  const bytes = memory.toUint8Array();
  const at = new TextDecoder("latin1").decode(bytes).indexOf(marker);
  assert.ok(at > 0);
  memory.write(new Uint8Array(64).fill(0xa5), at - 20);
  return memory;
}

Deno.test("library: an image whose journal waits for its replay", () => {
  const memory = smallImage();
  withFile(memory, (path) => {
    const done = run("debugfs", ["-w", "-R", "feature needs_recovery", path]);
    assert.equal(done.code, 0, done.stderr);
    mustFail("EROFS", () => open(path, { noRecovery: true }));
    for (const noRecovery of [true, false]) {
      using image = open(path, { readOnly: true, noRecovery });
      assert.equal(image.readTextFile("f"), "content");
    }
    {
      using image = open(path);
      image.writeTextFile("g", "replayed");
    }
    mustBeClean(path);
  }, "debugfs");
});
