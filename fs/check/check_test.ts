import assert from "node:assert/strict";
import type { BlockDevice } from "../device/device.ts";
import { MemoryDevice } from "../device/memory.ts";
import { DeviceError } from "../errors.ts";
import { Superblock, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET } from "../layout/superblock.ts";
import { format } from "../mkfs/format.ts";
import type { FormatOptions } from "../mkfs/options.ts";
import { check, type CheckOptions, type CheckReport, type Code } from "./check.ts";

const MIB = 1 << 20;

function made(sizeBytes: number, options: FormatOptions = {}): MemoryDevice {
  const device = new MemoryDevice(sizeBytes);
  format(device, { storage: "zeros", ...options });
  return device;
}

/** Changes bytes of an image. */
function poke(device: BlockDevice, offsetBytes: number, change: (bytes: Uint8Array) => void): void {
  const bytes = new Uint8Array(256);
  device.read(bytes, offsetBytes);
  change(bytes);
  device.write(bytes, offsetBytes);
}

function mustFind(report: CheckReport, ...codes: readonly Code[]): void {
  const text = report.findings.map(({ message }) => message).join("\n");
  for (const code of codes) assert.ok((report.counts[code] ?? 0) > 0, `${code} among:\n${text}`);
}

Deno.test("what mkfs makes is clean, and is counted", () => {
  for (const type of ["ext2", "ext3", "ext4"] as const) {
    const report = check(made(16 * MIB, { type }));
    assert.deepEqual(report.findings, [], type);
    assert.ok(report.clean && report.complete && !report.cancelled);
    assert.equal(report.statistics?.directories, 2);
  }
});

Deno.test("a bit of the block bitmap, a group's count and a checksum are found", () => {
  const device = made(16 * MIB, { blockBytes: 1024 });
  const superblock = readSuperblock(device);
  const descriptor = new Uint8Array(64);
  device.read(descriptor, (superblock.firstDataBlock + 1) * 1024);
  const bitmap = new DataView(descriptor.buffer).getUint32(0, true);
  poke(device, bitmap * 1024 + 512, (bytes) => bytes[0] = (bytes[0] ?? 0) ^ 0x10);
  const report = check(device);
  mustFind(report, "block_bitmap_checksum", "block_not_in_use", "group_free_blocks");
  assert.ok(!report.clean);
  const finding = report.findings.find(({ code }) => code === "block_not_in_use");
  assert.equal(finding?.where.group, 0);
  assert.equal(finding?.where.block, 512 * 8 + 4 + 1);
});

function readSuperblock(device: BlockDevice): Superblock {
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(bytes, SUPERBLOCK_OFFSET);
  return new Superblock(bytes);
}

Deno.test("with a damaged primary superblock a backup is used, and said so", () => {
  const device = made(64 * MIB, { blockBytes: 1024 });
  poke(device, SUPERBLOCK_OFFSET, (bytes) => bytes[0x38] = 0);
  const report = check(device);
  mustFind(report, "superblock_magic", "superblock_backup_used");
  assert.ok(report.complete && !report.clean);
});

Deno.test("what is no file system is not checked", () => {
  for (const sizeBytes of [0, 100, 1 << 16, MIB]) {
    const report = check(new MemoryDevice(sizeBytes));
    assert.equal(report.complete, false);
    mustFind(report, "superblock_magic");
  }
});

Deno.test("an unknown feature is named, and nothing is judged", () => {
  const device = made(16 * MIB, { features: ["^metadata_csum"] });
  poke(device, SUPERBLOCK_OFFSET, (bytes) => bytes[0x63] = 0x80);
  const report = check(device);
  mustFind(report, "unsupported_features");
  assert.match(report.findings[0]?.message ?? "", /FEATURE_I31/);
  assert.equal(report.complete, false);
});

Deno.test("findings are kept up to the limits, and all are counted", () => {
  const device = made(16 * MIB, { blockBytes: 1024, features: ["^metadata_csum"] });
  const superblock = readSuperblock(device);
  const descriptor = new Uint8Array(64);
  device.read(descriptor, (superblock.firstDataBlock + 1) * 1024);
  const bitmap = new DataView(descriptor.buffer).getUint32(4, true);
  // Runs of one bit each.
  device.write(new Uint8Array(128).fill(0x55), bitmap * 1024 + 64);
  const options: CheckOptions = { maxFindings: 7, maxFindingsOfCode: 5 };
  const report = check(device, options);
  assert.equal(report.counts.inode_not_in_use, 512);
  const kept = report.findings.filter(({ code }) => code === "inode_not_in_use");
  assert.equal(kept.length, 5);
  assert.ok(report.findings.length <= 7);
});

Deno.test("the caller can stop a check, and hears of its progress", () => {
  const device = made(16 * MIB);
  const steps = new Set<string>();
  const whole = check(device, { progress: (step) => void steps.add(step) });
  assert.ok(whole.clean);
  assert.ok(steps.has("inodes") && steps.has("bitmaps"));
  const report = check(device, { shouldStop: () => true });
  assert.ok(report.cancelled && !report.complete && !report.clean);
});

Deno.test("a device that fails makes findings, not exceptions", () => {
  const device = made(16 * MIB);
  const failing: BlockDevice = Object.create(device, {
    sizeBytes: { value: device.sizeBytes },
    read: {
      value: (target: Uint8Array, offsetBytes: number): void => {
        if (offsetBytes > 60_000) {
          throw new DeviceError("read", offsetBytes, target.length, "broken");
        }
        device.read(target, offsetBytes);
      },
    },
  });
  mustFind(check(failing), "read_error");
});

Deno.test("a file system larger than its device is told, without reading beyond it", () => {
  const whole = made(64 * MIB);
  const half = new MemoryDevice(32 * MIB);
  for (const { offsetBytes, bytes } of whole.writtenPages()) {
    if (offsetBytes + bytes.length <= half.sizeBytes) half.write(bytes, offsetBytes);
  }
  mustFind(check(half), "device_too_small");
});

Deno.test("a sparse image of 16 TiB is checked in little time and memory", () => {
  const device = made(16 * 2 ** 40);
  const began = performance.now();
  const report = check(device);
  assert.deepEqual(report.findings, []);
  assert.ok(performance.now() - began < 60_000);
});

Deno.test("noise behind a good superblock neither hangs nor throws", () => {
  const device = made(8 * MIB, { blockBytes: 1024, features: ["^metadata_csum"] });
  let state = 12345;
  const noise = new Uint8Array(4096);
  for (let offset = 4096; offset < 8 * MIB; offset += noise.length) {
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      noise[i] = state >>> 16;
    }
    device.write(noise, offset);
  }
  const report = check(device);
  assert.ok(report.errors > 100);
  assert.ok(report.findings.length <= 1000);
});
