import assert from "node:assert/strict";
import { ENOSPC } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import { FaultingDevice } from "./faulting.ts";
import { MemoryDevice } from "./memory.ts";

const block = new Uint8Array(1024).fill(7);
const target = new Uint8Array(1024);

function fails(work: () => void, errno: number): void {
  assert.throws(work, (error) => error instanceof DeviceError && error.errno === errno);
}

Deno.test("calls fail after so many, so many times, with the error that was asked for", () => {
  const device = new FaultingDevice(new MemoryDevice(65536));
  device.arm({ kind: "write", after: 1, times: 2, errno: ENOSPC });
  device.write(block, 0);
  fails(() => device.write(block, 1024), ENOSPC);
  fails(() => device.writeVector([block, block], 1024), ENOSPC);
  device.write(block, 1024);
  device.read(target, 0);
  assert.equal(device.failures, 2);
});

Deno.test("only calls that touch the range fail", () => {
  const device = new FaultingDevice(new MemoryDevice(65536));
  device.arm({ kind: "read", fromBytes: 4096, toBytes: 8192 });
  device.read(target, 4096 - 1024);
  fails(() => device.read(target, 4096 - 1023), 5);
  fails(() => device.read(target, 8191), 5);
  device.read(target, 8192);
  device.disarm();
  device.read(target, 4096);
});

Deno.test("a failing write may store a part", () => {
  const device = new FaultingDevice(new MemoryDevice(65536));
  device.arm({ kind: "write", storedBytes: 512 });
  fails(() => device.write(block, 0), 5);

  device.read(target, 0);
  assert.deepEqual([target[511], target[512]], [7, 0]);
});

Deno.test("a shortened device ends early, and flushes", () => {
  const device = new FaultingDevice(new MemoryDevice(65536));
  device.shorten(32768);
  device.write(block, 31744);
  fails(() => device.write(block, 32768), 5);
  fails(() => device.read(target, 32000), 5);
  device.flush();
  device.arm({ kind: "flush" });
  fails(() => device.flush(), 5);
});
