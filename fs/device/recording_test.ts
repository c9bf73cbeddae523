import assert from "node:assert/strict";
import { MemoryDevice } from "./memory.ts";
import { RecordingDevice } from "./recording.ts";

Deno.test("every write is kept, as it was, between the flushes", () => {
  const device = new RecordingDevice(new MemoryDevice(8192));
  const source = Uint8Array.of(1, 2, 3);
  device.write(source, 100);
  source.fill(9);
  device.flush();
  device.writeVector([Uint8Array.of(4), Uint8Array.of(5, 6)], 200);
  device.zero(100, 1);
  device.discard(4096, 4096);
  assert.deepEqual(device.events, [
    { kind: "write", offsetBytes: 100, bytes: Uint8Array.of(1, 2, 3) },
    { kind: "flush" },
    { kind: "write", offsetBytes: 200, bytes: Uint8Array.of(4, 5, 6) },
    { kind: "zero", offsetBytes: 100, lengthBytes: 1 },
    { kind: "discard", offsetBytes: 4096, lengthBytes: 4096 },
  ]);
  const target = new Uint8Array(3);
  device.read(target, 100);
  assert.deepEqual(target, Uint8Array.of(0, 2, 3));
});

Deno.test("a write that fails is not recorded", () => {
  const device = new RecordingDevice(new MemoryDevice(4096, { readOnly: true }));
  assert.throws(() => device.write(Uint8Array.of(1), 0));
  assert.deepEqual(device.events, []);
});
