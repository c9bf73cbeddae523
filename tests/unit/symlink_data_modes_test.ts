import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { ROOT_INODE } from "../../fs/layout/superblock.ts";
import { SUPERUSER } from "../../fs/ops/engine.ts";
import { lookup } from "../../fs/ops/lookup.ts";
import { finishEngine, openEngine } from "../../fs/ops/open_volume.ts";
import { makeSymlink, readSymlink } from "../../fs/ops/symlink.ts";
import { check, createMemoryImage } from "../../mod.ts";
import { crashOptions } from "../crash/engine_options.ts";

const NAME = new TextEncoder().encode("link");
const TARGET = new TextEncoder().encode("up/".repeat(40));

for (const dataMode of ["ordered", "writeback", "journal"] as const) {
  Deno.test(`a long target is there with its name: data=${dataMode}`, () => {
    const device = new RecordingDevice(createMemoryImage(16 << 20));
    const engine = openEngine(device, crashOptions((text) => assert.fail(text), { dataMode }));
    assert.ok(makeSymlink(engine, SUPERUSER, ROOT_INODE, NAME, TARGET) > 0);
    const isWritten = (): boolean =>
      device.events.some((event) =>
        event.kind === "write" && Buffer.from(event.bytes).includes(Buffer.from(TARGET))
      );
    // What a flush before the commit makes durable may be in its place; else the log has it.
    assert.equal(isWritten(), dataMode !== "writeback");
    engine.volume.commit(true);
    assert.ok(isWritten());
    const found = new Uint8Array(4096);
    const length = readSymlink(engine, lookup(engine, ROOT_INODE, NAME), found);
    assert.deepEqual(found.subarray(0, length), TARGET);
    finishEngine(engine);
    assert.ok(check(device).clean);
  });
}
