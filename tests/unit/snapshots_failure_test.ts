import assert from "node:assert/strict";
import { createMemoryImage, type MemoryImage, open } from "../../mod.ts";
import type { BlockDevice } from "../../fs/device/device.ts";
import { DeviceError } from "../../fs/errors.ts";
import { memoryMustBeClean, mustFail, patternBytes } from "../harness/library.ts";

const MIB = 1 << 20;

/** Fails to read what it is told not to. */
class Unreadable implements BlockDevice {
  readonly readOnly = false;
  /** Byte offset of a block that cannot be read; -1 for none. */
  bad = -1;

  constructor(readonly below: MemoryImage) {}

  get sizeBytes(): number {
    return this.below.sizeBytes;
  }
  read(target: Uint8Array, offset: number): void {
    if (this.bad >= offset && this.bad < offset + target.length) {
      throw new DeviceError("read", offset, target.length, "bad sector");
    }
    this.below.read(target, offset);
  }
  write(source: Uint8Array, offset: number): void {
    this.below.write(source, offset);
  }
  writeVector(sources: readonly Uint8Array[], offset: number): void {
    this.below.writeVector(sources, offset);
  }
  zero(offset: number, length: number): void {
    this.below.zero(offset, length);
  }
  flush(): void {}
  discard(): boolean {
    return false;
  }
  close(): void {}
}

Deno.test("snapshots: what cannot be kept damages them, never the file system", () => {
  const memory = createMemoryImage(32 * MIB, { blockBytes: 4096 });
  const device = new Unreadable(memory);
  const told: string[] = [];
  {
    using image = open(device, { report: (text) => told.push(text) });
    image.writeFile("/kept", patternBytes(MIB, 1));
    image.writeFile("/gone", patternBytes(MIB, 2));
    image.mkdir("/d");
    image.snapshots.create("s");
    image.sync();
    // Content that is freed is taken over; then a table of inodes that cannot be copied stops it all.
    image.remove("/gone");
    const [table] = image.extents("/d");
    assert.ok(table !== undefined);
    device.bad = table.deviceOffset;
    image.mkdir("/d/below");
    image.sync();
    device.bad = -1;
    assert.equal(image.snapshots.list()[0]?.damaged, true, told.join("\n"));
    mustFail("EIO", () => image.snapshots.open("s"));
    image.writeFile("/later", patternBytes(MIB, 3));
  }
  assert.match(told.join("\n"), /snapshots s are damaged: blocks could not be kept/);
  memoryMustBeClean(memory);
  using image = open(memory);
  assert.equal(image.snapshots.list()[0]?.damaged, true);
  assert.deepEqual(image.readFile("/kept"), patternBytes(MIB, 1));
  image.snapshots.delete("s");
  image.snapshots.create("t");
  assert.equal(image.snapshots.list()[0]?.damaged, false);
});
