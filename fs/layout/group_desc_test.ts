import assert from "node:assert/strict";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { crc32c } from "./crc32c.ts";
import {
  decodeGroupDescriptor,
  encodeGroupDescriptor,
  type GroupChecksum,
  type GroupDescriptor,
  groupDescriptorChecksum,
} from "./group_desc.ts";
import { makeImage, viewOf, withFlippedBytes, withTempDir } from "./testing.ts";
import { TestVolume } from "./testing_volume.ts";

/** The kernel's ext4_group_desc in order: name, bytes, our field, and which half of it. */
const FIELDS: readonly (readonly [
  name: string,
  bytes: number,
  field?: keyof GroupDescriptor,
  half?: "lo" | "hi",
])[] = [
  ["bg_block_bitmap_lo", 4, "blockBitmap", "lo"],
  ["bg_inode_bitmap_lo", 4, "inodeBitmap", "lo"],
  ["bg_inode_table_lo", 4, "inodeTable", "lo"],
  ["bg_free_blocks_count_lo", 2, "freeClusters", "lo"],
  ["bg_free_inodes_count_lo", 2, "freeInodes", "lo"],
  ["bg_used_dirs_count_lo", 2, "usedDirectories", "lo"],
  ["bg_flags", 2, "flags"],
  ["bg_exclude_bitmap_lo", 4, "excludeBitmap", "lo"],
  ["bg_block_bitmap_csum_lo", 2, "blockBitmapChecksum", "lo"],
  ["bg_inode_bitmap_csum_lo", 2, "inodeBitmapChecksum", "lo"],
  ["bg_itable_unused_lo", 2, "unusedInodes", "lo"],
  ["bg_checksum", 2, "checksum"],
  ["bg_block_bitmap_hi", 4, "blockBitmap", "hi"],
  ["bg_inode_bitmap_hi", 4, "inodeBitmap", "hi"],
  ["bg_inode_table_hi", 4, "inodeTable", "hi"],
  ["bg_free_blocks_count_hi", 2, "freeClusters", "hi"],
  ["bg_free_inodes_count_hi", 2, "freeInodes", "hi"],
  ["bg_used_dirs_count_hi", 2, "usedDirectories", "hi"],
  ["bg_itable_unused_hi", 2, "unusedInodes", "hi"],
  ["bg_exclude_bitmap_hi", 4, "excludeBitmap", "hi"],
  ["bg_block_bitmap_csum_hi", 2, "blockBitmapChecksum", "hi"],
  ["bg_inode_bitmap_csum_hi", 2, "inodeBitmapChecksum", "hi"],
  ["bg_reserved", 4],
];

Deno.test("every field is read from and written to its place; all fields make 64 bytes", () => {
  let at = 0;
  for (const [name, bytes, field, half] of FIELDS) {
    if (field !== undefined) {
      const buffer = new Uint8Array(72);
      for (let i = 0; i < bytes; i++) buffer[4 + at + i] = 0x11 * (i + 1);
      const low = bytes === 4 ? 0x44332211 : 0x2211;
      const expected = half === "hi" ? low * 2 ** (8 * bytes) : low;
      const descriptor = decodeGroupDescriptor(viewOf(buffer), 4, 64);
      assert.equal(descriptor[field], expected, name);
      const again = new Uint8Array(72);
      encodeGroupDescriptor(viewOf(again), 4, 64, descriptor);
      assert.deepEqual(again, buffer, name);
    }
    at += bytes;
  }
  assert.equal(at, 64);
});

Deno.test("a descriptor of 32 bytes has lower halves only, and leaves what follows alone", () => {
  const buffer = new Uint8Array(64).fill(0xff);
  const descriptor = decodeGroupDescriptor(viewOf(buffer), 0, 32);
  assert.equal(descriptor.blockBitmap, 0xffffffff);
  assert.equal(descriptor.freeClusters, 0xffff);
  const target = new Uint8Array(64);
  encodeGroupDescriptor(viewOf(target), 0, 32, descriptor);
  assert.deepEqual(target.subarray(0, 32), buffer.subarray(0, 32));
  assert.deepEqual(target.subarray(32), new Uint8Array(32));
});

function checkGroups(volume: TestVolume, method: GroupChecksum): number {
  const { superblock, image } = volume;
  for (let group = 0; group < superblock.groupCount; group++) {
    const offset = volume.descriptorOffset(group);
    const size = superblock.descriptorBytes;
    const stored = volume.group(group).checksum;
    const computed = () => groupDescriptorChecksum(viewOf(image), offset, size, group, method);
    assert.equal(computed(), stored);
    withFlippedBytes(image, offset, offset + size, (at) => {
      const covered = at - offset !== 0x1e && at - offset !== 0x1f;
      assert.equal(computed() !== stored, covered && method.kind !== "none", `byte ${at - offset}`);
    });
    const before = image.slice(offset, offset + size);
    encodeGroupDescriptor(viewOf(image), offset, size, volume.group(group));
    assert.deepEqual(image.subarray(offset, offset + size), before);
  }
  return superblock.groupCount;
}

Deno.test("golden images: checksums of descriptors and of bitmaps", () => {
  for (const name of ["ext4_4k", "htree", "ea_inode"]) {
    const volume = TestVolume.fixture(name);
    const seed = volume.seed ?? 0;
    checkGroups(volume, { kind: "crc32c", seed });
    const { superblock } = volume;
    for (let group = 0; group < superblock.groupCount; group++) {
      const descriptor = volume.group(group);
      if ((descriptor.flags & 2) === 0) {
        const bitmap = volume.block(descriptor.blockBitmap);
        const crc = crc32c(seed, bitmap, 0, superblock.clustersPerGroup / 8);
        assert.equal(descriptor.blockBitmapChecksum, crc);
      }
      if ((descriptor.flags & 1) === 0) {
        const bitmap = volume.block(descriptor.inodeBitmap);
        const crc = crc32c(seed, bitmap, 0, superblock.inodesPerGroup / 8);
        assert.equal(descriptor.inodeBitmapChecksum, crc);
      }
    }
  }
  checkGroups(TestVolume.fixture("ext2_1k"), { kind: "none" });
});

testWith({
  name: "mke2fs: crc16 of 32-byte and 64-byte descriptors, crc32c of 32-byte ones",
  needs: [programs("mke2fs")],
  fn: () =>
    withTempDir((dir) => {
      const features = [
        "uninit_bg,^metadata_csum,^64bit",
        "uninit_bg,^metadata_csum,64bit",
        "metadata_csum,^64bit",
      ];
      for (const feature of features) {
        const options = ["-t", "ext4", "-b", "1024", "-O", feature];
        const volume = new TestVolume(makeImage(`${dir}/image`, 40 << 20, options));
        const method: GroupChecksum = volume.seed === undefined
          ? { kind: "crc16", uuid: volume.superblock.uuid }
          : { kind: "crc32c", seed: volume.seed };
        assert.equal(checkGroups(volume, method), 5);
      }
    }),
});
