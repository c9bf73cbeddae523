import assert from "node:assert/strict";
import { createMemoryImage, MemoryImage, open } from "../mod.ts";
import { mustBeClean } from "../tests/harness/e2fsck.ts";
import { mustFail } from "../tests/harness/library.ts";
import { Scratch } from "../tests/harness/scratch.ts";
import { programs, testWith } from "../tests/harness/skip.ts";

testWith({
  name: "library: an image in memory is written to a file, sparse",
  needs: [programs("e2fsck")],
  fn: () => {
    using scratch = new Scratch("memory");
    const path = scratch.path("image");
    const memory = createMemoryImage(256 << 20);
    {
      using image = open(memory);
      image.writeTextFile("f", "from memory");
    }
    memory.writeTo(path);
    mustBeClean(path);
    const { size, blocks } = Deno.statSync(path);
    assert.equal(size, 256 << 20);
    assert.ok((blocks ?? 0) * 512 < 24 << 20, `${blocks} sectors`);
    using image = open(path);
    assert.equal(image.readTextFile("f"), "from memory");
    mustFail("EBUSY", () => memory.writeTo(path));
    mustFail("ENOENT", () => memory.writeTo(scratch.path("none/image")));
  },
});

Deno.test("library: an image in memory as bytes, and back", () => {
  const memory = createMemoryImage((4 << 20) + 1024, { blockBytes: 1024 });
  {
    using image = open(memory);
    image.writeTextFile("f", "bytes");
  }
  const bytes = memory.toUint8Array();
  assert.equal(bytes.length, (4 << 20) + 1024);
  const copy = MemoryImage.from(bytes);
  assert.deepEqual(copy.toUint8Array(), bytes);
  assert.ok(copy.usedBytes <= memory.usedBytes);
  using image = open(copy);
  assert.equal(image.readTextFile("f"), "bytes");
  image.remove("f");
  using original = open(memory);
  assert.equal(original.readTextFile("f"), "bytes");
});
