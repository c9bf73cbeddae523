import assert from "node:assert/strict";
import { MemoryDevice } from "../device/memory.ts";
import { InodeFlag } from "../layout/inode.ts";
import { decodeSuperblock, SUPERBLOCK_OFFSET } from "../layout/superblock.ts";
import { Volume } from "../volume/volume.ts";
import { bulkFill } from "./bulk_sink.ts";
import { format, planFormat } from "./format.ts";
import { FormatError } from "./format_error.ts";
import type { FormatOptions } from "./options.ts";
import { populate, type SourceNode } from "./populate.ts";
import { findSignature } from "./signature.ts";

const MIB = 1024 * 1024;
const clock = { read: () => undefined, seconds: 0, nanoseconds: 0 };

function readVolume(device: MemoryDevice): Volume {
  return new Volume(device, {
    readOnly: true,
    cacheBytes: MIB,
    cachedInodes: 100,
    clock,
    report: (message) => assert.fail(message),
  });
}

function superblockBytes(device: MemoryDevice): Uint8Array {
  const bytes = new Uint8Array(1024);
  device.read(bytes, SUPERBLOCK_OFFSET);
  return bytes;
}

Deno.test("format makes a volume that opens", () => {
  const device = new MemoryDevice(64 * MIB);
  const result = format(device, { storage: "zeros", label: "test", clock: () => 1234567890 });
  const volume = readVolume(device);
  assert.equal(volume.superblock.label, "test");
  assert.equal(volume.superblock.blocksCount, 65536);
  assert.equal(volume.superblock.creationTimeLo, 1234567890);
  assert.equal(volume.groups.totalFreeClusters, volume.superblock.freeBlocksCount);
  assert.equal(volume.groups.totalFreeInodes, volume.superblock.freeInodesCount);
  const root = volume.inodes.get(2);
  assert.equal(root.links, 3);
  assert.equal(volume.inodes.get(11).mode, 0o40700);
  assert.equal(result.journalBlocks, 4096);
  assert.deepEqual(findSignature(device), { type: "ext4", label: "test" });
});

Deno.test("the same clock and random source give the same bytes", () => {
  const options: FormatOptions = {
    storage: "zeros",
    clock: () => 1,
    random: (target) => void target.fill(7),
  };
  const [first, second] = [new MemoryDevice(8 * MIB), new MemoryDevice(8 * MIB)];
  format(first, options);
  format(second, options);
  const [a, b] = [new Uint8Array(8 * MIB), new Uint8Array(8 * MIB)];
  first.read(a, 0);
  second.read(b, 0);
  assert.ok(a.every((byte, i) => byte === b[i]));
});

Deno.test("old content does not shine through", () => {
  const device = new MemoryDevice(4 * MIB);
  device.write(new Uint8Array(4 * MIB).fill(0xa5), 0);
  format(device, { storage: "device", discard: false });
  const volume = readVolume(device);
  for (let ino = 1; ino <= 11; ino++) volume.inodes.load(ino);
  const end = new Uint8Array(65536);
  device.read(end, 4 * MIB - end.length);
  assert.ok(end.every((byte) => byte === 0));
});

Deno.test("a sparse device of 16 TiB takes little memory", () => {
  const device = new MemoryDevice(16 * 2 ** 40);
  const result = format(device, { storage: "zeros", features: ["sparse_super2"] });
  assert.equal(result.superblock.blocksCount, 2 ** 32);
  assert.ok(result.features.includes("64bit") && !result.features.includes("resize_inode"));
  assert.ok(device.usedBytes < 1200 * MIB);
  assert.deepEqual(decodeSuperblock(superblockBytes(device)).groupCount, 131072);
});

Deno.test("planFormat writes nothing and says the same", () => {
  const device = new MemoryDevice(16 * MIB);
  const plan = planFormat(device.sizeBytes, { storage: "zeros" });
  assert.equal(device.usedBytes, 0);
  const made = format(device, { storage: "zeros" });
  assert.deepEqual(plan.backupBlocks, made.backupBlocks);
  assert.equal(plan.superblock.inodesCount, made.superblock.inodesCount);
});

Deno.test("what cannot be is refused, by the option at fault, before anything is written", () => {
  const cases: [string, FormatOptions, number?][] = [
    ["features", { features: ["nosuch"] }],
    ["features", { features: ["^extent"] }],
    ["features", { features: ["meta_bg"] }],
    ["features", { features: ["orphan_file", "^has_journal"] }],
    ["features", { features: ["^sparse_super"] }],
    ["features", { features: ["dirdata"] }],
    ["features", { type: "ext2", features: ["bigalloc"] }],
    ["blockBytes", { blockBytes: 3000 }],
    ["blockBytes", { blockBytes: 1024, sectorBytes: 4096 }],
    ["clusterBytes", { clusterBytes: 65536 }],
    ["clusterBytes", { clusterBytes: 512, features: ["bigalloc"] }],
    ["inodeBytes", { inodeBytes: 100 }],
    ["inodeBytes", { inodeBytes: 128, features: ["inline_data"] }],
    ["inodeBytes", { inodeBytes: 128, features: ["project"] }],
    ["inodes", { inodes: 10_000_000 }],
    ["inodeRatioBytes", { inodeRatioBytes: 10 }],
    ["blocksPerGroup", { blocksPerGroup: 100 }],
    ["groupsPerFlex", { groupsPerFlex: 3 }],
    ["groupsPerFlex", { groupsPerFlex: 4, features: ["^flex_bg"] }],
    ["descriptorBytes", { descriptorBytes: 96 }],
    ["encoding", { encoding: "latin1" }],
    ["strictEncoding", { strictEncoding: true }],
    ["mmpIntervalSeconds", { mmpIntervalSeconds: 301 }],
    ["reservedPercent", { reservedPercent: 51 }],
    ["resize", { resize: { blocks: 100 } }],
    ["revision", { revision: 0, journal: true }],
    ["usage", { usage: ["weird"] }],
    ["journal", { journal: { sizeBytes: MIB / 2 } }],
    ["journal", { journal: { sizeBytes: 14 * MIB } }],
    ["journal", { journal: { fastCommitBytes: MIB } }],
    ["badBlocks", { badBlocks: [1] }],
    ["sizeBytes", { sizeBytes: 17 * MIB }],
    ["sizeBytes", {}, 32 * 1024],
    ["sizeBytes", { type: "ext3", blockBytes: 1024 }, 5 * 2 ** 40],
  ];
  for (const [option, options, size = 16 * MIB] of cases) {
    const device = new MemoryDevice(size);
    assert.throws(
      () => format(device, { storage: "zeros", ...options }),
      (error) => error instanceof FormatError && error.option === option,
      JSON.stringify(options),
    );
    assert.equal(device.usedBytes, 0);
  }
});

Deno.test("signatures are told apart", () => {
  const sample = (offset: number, text: string): string | undefined => {
    const device = new MemoryDevice(MIB);
    device.write(Uint8Array.from(text, (char) => char.charCodeAt(0)), offset);
    return findSignature(device)?.type;
  };
  assert.equal(sample(0, "XFSB"), "xfs");
  assert.equal(sample(65536 + 64, "_BHRfS_M"), "btrfs");
  assert.equal(sample(4086, "SWAPSPACE2"), "swap space");
  assert.equal(sample(512, "EFI PART"), "partition table (gpt)");
  assert.equal(sample(0, "LUKS\xba\xbe"), "LUKS");
  assert.equal(sample(100, "nothing"), undefined);
  const table = "\0\0\0\0\x83\0\0\0\0\x08\0\0\0\0\x10\0";
  assert.equal(sample(446, `${table.padEnd(64, "\0")}\x55\xaa`), "partition table (dos)");
  assert.equal(sample(510, "\x55\xaa"), undefined);
});

/** A tree in memory. */
function memoryNode(name: string, content: string | SourceNode[]): SourceNode {
  const time = { seconds: 1, nanoseconds: 2 };
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : undefined;
  return {
    name: new TextEncoder().encode(name),
    path: name,
    mode: bytes === undefined ? 0o40755 : 0o100644,
    uid: 5,
    gid: 6,
    atime: time,
    mtime: time,
    ctime: time,
    size: bytes?.length ?? 0,
    rdev: 0,
    linkKey: undefined,
    readContent: (write) => bytes !== undefined && write(0, bytes),
    readTarget: () => new Uint8Array(0),
    readXattrs: () => [],
    readChildren: () => typeof content === "string" ? [] : content,
  };
}

Deno.test("a file system is filled while it is made", () => {
  const device = new MemoryDevice(16 * MIB);
  const files = Array.from({ length: 500 }, (_, i) => memoryNode(`file number ${i}`, `${i}`));
  const tree = memoryNode("", [memoryNode("hello", "content"), memoryNode("many", files)]);
  const fill = bulkFill((sink) => {
    const result = populate(tree, sink);
    assert.deepEqual([result.files, result.directories], [501, 1]);
  });
  const { superblock } = format(device, { storage: "zeros", fill });
  assert.equal(superblock.freeInodesCount, superblock.inodesCount - 11 - 502);
  const volume = readVolume(device);
  assert.equal(volume.groups.totalFreeClusters, superblock.freeBlocksCount);
  assert.deepEqual([volume.inodes.get(2).links, volume.inodes.get(2).uid], [4, 5]);
  const many = volume.inodes.get(13);
  assert.ok(many.isDirectory && many.has(InodeFlag.INDEX) && many.size > 8 * 1024);
  const hello = volume.inodes.get(12);
  assert.deepEqual([hello.size, hello.mtime, hello.mtimeNsec], [7, 1, 2]);
});
