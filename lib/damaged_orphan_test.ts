import assert from "node:assert/strict";
import { createMemoryImage, type FsError, type MemoryImage, open } from "../mod.ts";

/** Byte offsets: i_block in an inode; s_last_orphan in the image. */
const I_BLOCK = 0x28;
const LAST_ORPHAN = 1024 + 0xe8;

function makeImage(): MemoryImage {
  const features = ["^metadata_csum", "^has_journal", "^64bit"];
  return createMemoryImage(8 << 20, { blockBytes: 1024, features });
}

/** Where in the image the inode lies whose first extent's header and size are these. */
function inodeOffset(memory: MemoryImage, size: number): number {
  const bytes = memory.toUint8Array();
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 128 <= bytes.length; at += 128) {
    const isRegular = (view.getUint16(at, true) & 0o170000) === 0o100000;
    const hasExtents = view.getUint16(at + I_BLOCK, true) === 0xf30a;
    if (isRegular && hasExtents && view.getUint32(at + 4, true) === size) return at;
  }
  throw new Error("no such inode");
}

for (const errors of ["continue", "remount-ro"] as const) {
  Deno.test(`a file whose damage keeps it from being deleted does not keep the image from being opened: ${errors}`, () => {
    const memory = makeImage();
    {
      using image = open(memory);
      image.writeFile("/damaged", new Uint8Array(4321).fill(1));
      image.writeFile("/sound", new Uint8Array(2000).fill(2));
    }
    memory.write(new Uint8Array(2), inodeOffset(memory, 4321) + I_BLOCK);
    {
      using image = open(memory, { errors: "continue" });
      assert.throws(() => image.remove("/damaged"), { code: "EUCLEAN" });
    }
    const said: string[] = [];
    using image = open(memory, { errors, report: (message) => said.push(message) });
    assert.match(said.join("\n"), /recovery of orphans: extent node/);
    assert.equal(image.readFile("/sound").length, 2000);
    const write = (): void => image.writeTextFile("/new", "x");
    if (errors === "continue") write();
    else assert.throws(write, (error: FsError) => error.code === "EROFS");
  });
}

Deno.test("a list of orphans that leads astray does not keep the image from being opened", () => {
  const memory = makeImage();
  {
    using image = open(memory);
    image.writeTextFile("/file", "x");
  }
  memory.write(Uint8Array.of(8, 0, 0, 0), LAST_ORPHAN);
  const said: string[] = [];
  using image = open(memory, { errors: "continue", report: (message) => said.push(message) });
  assert.match(said.join("\n"), /orphan list/);
  assert.equal(image.readTextFile("/file"), "x");
});
