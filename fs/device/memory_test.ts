import assert from "node:assert/strict";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { DeviceError } from "../errors.ts";
import { MemoryDevice } from "./memory.ts";

Deno.test("a device in memory holds what an array would", () => {
  const random = new Random(printedSeed("memory device"));
  const model = new Uint8Array(300_000);
  const device = new MemoryDevice(model.length);
  for (let step = 0; step < 2000; step++) {
    const at = random.below(model.length);
    const length = random.between(1, Math.min(model.length - at, random.pick([10, 5000, 200_000])));
    const kind = random.below(4);
    if (kind === 0) {
      model.fill(0, at, at + length);
      device.zero(at, length);
    } else if (kind === 1) {
      const bytes = random.fill(new Uint8Array(length));
      model.set(bytes, at);
      const cut = random.below(length);
      device.writeVector([bytes.subarray(0, cut), bytes.subarray(cut)], at);
    }
    const read = new Uint8Array(length);
    device.read(read, at);
    assert.deepEqual(read, model.slice(at, at + length));
  }
  const copy = MemoryDevice.from(model);
  const read = new Uint8Array(model.length);
  copy.read(read, 0);
  assert.deepEqual(read, model);
});

Deno.test("a device in memory takes memory only for what was written, and refuses what is outside", () => {
  const device = new MemoryDevice(2 ** 44);
  device.write(Uint8Array.of(1, 2, 3), 2 ** 43);
  assert.equal(device.usedBytes, 65536);
  device.zero(0, 2 ** 44);
  assert.equal(device.usedBytes, 0);
  assert.throws(() => device.read(new Uint8Array(2), 2 ** 44 - 1), DeviceError);
  assert.throws(() => device.write(new Uint8Array(1), -1), DeviceError);
  const still = new MemoryDevice(4096, { readOnly: true });
  assert.throws(() => still.write(new Uint8Array(1), 0), DeviceError);
  assert.throws(() => still.zero(0, 1), DeviceError);
});
