import assert from "node:assert/strict";
import { format, FsError, MemoryImage, open, resize, tune } from "../../mod.ts";

Deno.test("an image with snapshots keeps its size and features; its label may change", () => {
  const image = new MemoryImage(24 << 20);
  format(image, { size: 16 << 20 });
  {
    using filled = open(image);
    filled.writeTextFile("/a", "before");
    filled.snapshots.create("one");
    filled.writeTextFile("/a", "after");
  }
  const busy = (error: unknown): boolean => error instanceof FsError && error.code === "EBUSY";
  assert.throws(() => resize(image, 24 << 20), busy);
  assert.throws(() => tune(image, { features: ["^metadata_csum"] }), busy);
  assert.equal(tune(image, { label: "kept" }), "superblock");
  using opened = open(image);
  assert.equal(opened.describe().label, "kept");
  assert.deepEqual(opened.snapshots.list().map(({ name, damaged }) => [name, damaged]), [
    ["one", false],
  ]);
  opened.snapshots.delete("one");
});
