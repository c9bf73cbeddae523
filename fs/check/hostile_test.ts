import assert from "node:assert/strict";
import type { BlockDevice } from "../device/device.ts";
import { MemoryDevice } from "../device/memory.ts";
import { writeExtent, writeExtentHeader, writeExtentIndex } from "../layout/extent.ts";
import { I_BLOCK_OFFSET } from "../layout/inode.ts";
import { Superblock, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET } from "../layout/superblock.ts";
import { format } from "../mkfs/format.ts";
import { check } from "./check.ts";

const BLOCK_BYTES = 1024;
const LIMIT_MS = 20_000;

function made(features: readonly string[]): MemoryDevice {
  const device = new MemoryDevice(64 << 20);
  format(device, {
    storage: "zeros",
    blockBytes: BLOCK_BYTES,
    features: ["^metadata_csum", ...features],
  });
  return device;
}

/** Byte offset of inode `ino` of group 0. */
function inodeOffset(device: BlockDevice, ino: number): number {
  const superblockBytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(superblockBytes, SUPERBLOCK_OFFSET);
  const descriptor = new Uint8Array(64);
  device.read(descriptor, 2 * BLOCK_BYTES);
  const table = new DataView(descriptor.buffer).getUint32(8, true);
  return table * BLOCK_BYTES + (ino - 1) * new Superblock(superblockBytes).inodeBytes;
}

function mustEnd(device: BlockDevice): void {
  const began = performance.now();
  const report = check(device);
  assert.ok(report.errors > 0);
  assert.ok(performance.now() - began < LIMIT_MS, `${performance.now() - began} ms`);
}

/** A tree of extents in which every leaf entry maps the same 32,768 blocks. */
function overlapping(device: BlockDevice, ino: number, nodes: number): void {
  const root = new Uint8Array(60);
  const rootView = new DataView(root.buffer);
  const leaf = new Uint8Array(BLOCK_BYTES);
  const leafView = new DataView(leaf.buffer);
  const perLeaf = 84;
  writeExtentHeader(rootView, 0, nodes, 4, 1);
  for (let node = 0; node < nodes; node++) {
    const first = node * perLeaf * 32768;
    writeExtentIndex(rootView, 12 + node * 12, first, 60_000 + node);
    writeExtentHeader(leafView, 0, perLeaf, perLeaf, 0);
    for (let index = 0; index < perLeaf; index++) {
      writeExtent(leafView, 12 + index * 12, first + index * 32768, 32768, 20_000, false);
    }
    device.write(leaf, (60_000 + node) * BLOCK_BYTES);
  }
  device.write(root, inodeOffset(device, ino) + I_BLOCK_OFFSET);
}

Deno.test("a directory of blocks that are claimed hundreds of times is not walked for ever", () => {
  const device = made(["large_dir"]);
  overlapping(device, 2, 4);
  mustEnd(device);
});

Deno.test("the same in the journal's inode", () => {
  const device = made([]);
  overlapping(device, 8, 4);
  const size = new Uint8Array(Uint32Array.of(0x03fffc00).buffer);
  device.write(size, inodeOffset(device, 8) + 4);
  mustEnd(device);
});

Deno.test("indirect blocks that name one another are read once", () => {
  const device = made(["^extent", "^64bit"]);
  const pointers = new Uint8Array(Uint32Array.from({ length: 256 }, () => 60_000).buffer);
  device.write(pointers, 60_000 * BLOCK_BYTES);
  const triple = new Uint8Array(Uint32Array.of(60_000, 60_000, 60_000).buffer);
  for (const ino of [1, 2, 7, 8, 11]) {
    device.write(triple, inodeOffset(device, ino) + I_BLOCK_OFFSET + 48);
  }
  mustEnd(device);
});

Deno.test("an extent tree that contains itself is read once", () => {
  const device = made([]);
  const node = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(node.buffer);
  writeExtentHeader(view, 0, 84, 84, 5);
  for (let index = 0; index < 84; index++) writeExtentIndex(view, 12 + index * 12, index, 60_000);
  device.write(node, 60_000 * BLOCK_BYTES);
  const root = new Uint8Array(60);
  const rootView = new DataView(root.buffer);
  writeExtentHeader(rootView, 0, 4, 4, 60);
  for (let index = 0; index < 4; index++) {
    writeExtentIndex(rootView, 12 + index * 12, index, 60_000);
  }
  for (const ino of [2, 8, 11]) device.write(root, inodeOffset(device, ino) + I_BLOCK_OFFSET);
  mustEnd(device);
});

Deno.test("inode tables that lie on one another are not all read", () => {
  const device = made(["^resize_inode"]);
  const descriptors = new Uint8Array(BLOCK_BYTES);
  device.read(descriptors, 2 * BLOCK_BYTES);
  const view = new DataView(descriptors.buffer);
  for (let group = 0; group < 8; group++) {
    view.setUint32(group * 64 + 8, 5000 - group, true);
    view.setUint16(group * 64 + 0x12, 0, true);
    view.setUint16(group * 64 + 0x1c, 0, true);
  }
  device.write(descriptors, 2 * BLOCK_BYTES);
  mustEnd(device);
});

Deno.test("a superblock that promises more than the device holds takes no memory for it", () => {
  const device = made(["^resize_inode", "^flex_bg"]);
  const fields = new Uint8Array(8);
  device.read(fields, SUPERBLOCK_OFFSET);
  const view = new DataView(fields.buffer);
  const perGroup = view.getUint32(0, true) / 8;
  for (const groups of [1000, 100_000, 260_000]) {
    view.setUint32(0, (perGroup * groups) >>> 0, true);
    view.setUint32(4, (groups * 8192) >>> 0, true);
    device.write(fields, SUPERBLOCK_OFFSET);
    mustEnd(device);
  }
});
