import assert from "node:assert/strict";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { type Engine } from "../../fs/ops/engine.ts";
import { closeEngine, openEngine } from "../../fs/ops/open_volume.ts";
import { unlink } from "../../fs/ops/unlink.ts";
import { createMemoryImage, open } from "../../mod.ts";
import { ROOT_INODE } from "../../fs/layout/superblock.ts";

function openRecorded(device: RecordingDevice): Engine {
  return openEngine(device, {
    readOnly: false,
    cacheBytes: 1 << 20,
    cachedInodes: 100,
    clock: { read(): void {}, seconds: 1, nanoseconds: 0 },
    report: () => {},
    accessTime: "noatime",
    noDirectoryAccessTime: false,
    lazyTime: false,
    sync: false,
    directorySync: false,
    discard: true,
    random: () => 1,
    noRecovery: false,
    mountPoint: "",
  });
}

Deno.test("blocks are discarded only when the commit that frees them is durable", () => {
  const memory = createMemoryImage(16 << 20);
  const image = open(memory);
  image.writeFile("/file", new Uint8Array(300_000).fill(1));
  image.close();
  const device = new RecordingDevice(memory);
  const engine = openRecorded(device);
  device.events.length = 0;
  assert.equal(unlink(engine, ROOT_INODE, new TextEncoder().encode("file")), 0);
  assert.ok(!device.events.some(({ kind }) => kind === "discard"), "not before the commit");
  engine.volume.commit(false);
  const kinds = device.events.map(({ kind }) => kind);
  const discard = kinds.indexOf("discard");
  assert.ok(discard > 0, "discarded after the commit");
  // The log's blocks, a flush, the commit block, a flush.
  assert.equal(kinds[discard - 1], "flush");
  assert.equal(kinds[discard - 2], "write");
  assert.equal(kinds.slice(0, discard).lastIndexOf("flush", discard - 2), discard - 3);
  closeEngine(engine);
});
