import assert from "node:assert/strict";
import { createMemoryImage, format, FormatError, MemoryImage, open } from "../mod.ts";
import { mustBeClean } from "../tests/harness/e2fsck.ts";
import { memoryMustBeClean, mustFail } from "../tests/harness/library.ts";
import { Scratch } from "../tests/harness/scratch.ts";
import { programs, testWith } from "../tests/harness/skip.ts";

testWith({
  name: "library: format makes a file of the size asked for",
  needs: [programs("e2fsck")],
  fn: () => {
    using scratch = new Scratch("format");
    const path = scratch.path("image");
    Deno.writeTextFileSync(path, "something else ".repeat(1000));
    format(path, { size: 20 << 20, label: "made", uuid: new Uint8Array(16).fill(0xab) });
    const { size, blocks } = Deno.statSync(path);
    assert.equal(size, 20 << 20);
    assert.ok((blocks ?? 0) * 512 < 6 << 20, "it is sparse");
    mustBeClean(path);
    {
      using image = open(path);
      assert.equal(image.statfs().label, "made");
      assert.equal(image.statfs().uuid, "abababab-abab-abab-abab-abababababab");
      image.writeTextFile("f", "lost by the next format");
    }
    format(path, { type: "ext2" });
    assert.equal(Deno.statSync(path).size, 20 << 20);
    mustBeClean(path);
    using image = open(path);
    assert.equal(image.exists("f"), false);
  },
});

Deno.test("library: format refuses bad options before it touches the file", () => {
  using scratch = new Scratch("format");
  const path = scratch.path("image");
  Deno.writeTextFileSync(path, "precious");
  const bad = [
    { size: 1024 },
    { size: 16 << 20, features: ["no_such_feature"] },
    { size: 16 << 20, blockBytes: 3000 },
    { size: -5 },
    { size: 0.5 },
    { size: 16 << 20, inodeBytes: 100 },
  ];
  for (const options of bad) {
    const error = mustFail("EINVAL", () => format(path, options));
    assert.ok(error.message.startsWith(`format ${JSON.stringify(path)}: `), error.message);
    assert.equal(Deno.readTextFileSync(path), "precious");
    mustFail("EINVAL", () => format(scratch.path("new"), options));
    assert.throws(() => Deno.statSync(scratch.path("new")), Deno.errors.NotFound);
  }
  const error = mustFail("EINVAL", () => format(path, { size: 1 << 24, blockBytes: 3000 }));
  assert.ok(error.cause instanceof FormatError);
  mustFail("EINVAL", () => format(path));
  assert.equal(Deno.readTextFileSync(path), "precious");
  mustFail("ENOENT", () => format(scratch.path("none")));
  mustFail("ENOENT", () => format(scratch.path("none/image"), { size: 1 << 24 }));
});

Deno.test("library: format refuses an image that is open", () => {
  using scratch = new Scratch("format");
  const path = scratch.path("image");
  format(path, { size: 1 << 24 });
  const memory = createMemoryImage(1 << 24);
  {
    using _image = open(path);
    mustFail("EBUSY", () => format(path, { size: 1 << 24 }));
    mustFail("EBUSY", () => format(path));
    using _inMemory = open(memory);
    mustFail("EBUSY", () => format(memory));
  }
  format(path);
  format(memory);
});

Deno.test("library: an image that begins within a file", () => {
  using scratch = new Scratch("format");
  const path = scratch.path("disk");
  Deno.writeFileSync(path, new Uint8Array(1 << 20).fill(0x5a));
  format(path, { size: 16 << 20, offset: 1 << 20 });
  assert.equal(Deno.statSync(path).size, 17 << 20);
  {
    using image = open(path, { offset: 1 << 20 });
    image.writeTextFile("f", "x");
  }
  const bytes = Deno.readFileSync(path);
  assert.ok(bytes.subarray(0, 1 << 20).every((byte) => byte === 0x5a));
  const memory = MemoryImage.from(bytes.subarray(1 << 20));
  memoryMustBeClean(memory);
  mustFail("EUCLEAN", () => open(path));
});

Deno.test("library: format in memory, with each type", () => {
  for (const type of ["ext2", "ext3", "ext4"] as const) {
    const memory = createMemoryImage(32 << 20, { type, label: type });
    memoryMustBeClean(memory);
    {
      using image = open(memory);
      image.writeTextFile("f", type);
      assert.equal(image.statfs().label, type);
    }
    memoryMustBeClean(memory);
    format(memory, { size: 16 << 20 });
    memoryMustBeClean(memory);
    using image = open(memory);
    assert.equal(image.exists("f"), false);
    assert.ok(image.statfs().blocks * image.statfs().bsize < 16 << 20);
  }
  mustFail("EINVAL", () => createMemoryImage(0));
  mustFail("EINVAL", () => createMemoryImage(1000));
  mustFail("EINVAL", () => format(new MemoryImage(1 << 24), { offset: 512 }));
});

Deno.test("library: a huge image in memory takes little of it", () => {
  const memory = createMemoryImage(1024 ** 4);
  assert.ok(memory.usedBytes < 400 << 20, `${memory.usedBytes >> 20} MiB`);
  using image = open(memory);
  image.writeTextFile("f", "x");
  assert.ok(image.statfs().bfree > 2e8);
});

Deno.test("library: equal input gives equal bytes", () => {
  const make = (): Uint8Array => {
    let number = 0;
    const uuid = new Uint8Array(16).fill(7);
    const memory = createMemoryImage(16 << 20, { uuid, hashSeed: uuid, clock: () => 1e9 });
    {
      const clock = () => ({ seconds: 1_000_000_001, nanoseconds: 5 });
      using image = open(memory, { clock, random: () => number++ });
      for (let n = 0; n < 500; n++) image.writeTextFile(`file-${n}`, `content ${n}`);
      image.mkdir("a/b", { recursive: true });
      image.remove("file-3");
    }
    return memory.toUint8Array();
  };
  const first = make();
  const second = make();
  const differs = first.findIndex((byte, index) => byte !== second[index]);
  assert.equal(differs, -1);
});
