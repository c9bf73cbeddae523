import assert from "node:assert/strict";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { Corrupt } from "../errors.ts";
import {
  orphanInode,
  orphansPerBlock,
  setOrphanBlockChecksum,
  setOrphanInode,
  validateOrphanBlock,
  writeEmptyOrphanBlock,
} from "./orphan_file.ts";
import { makeImage, viewOf, withFlippedBytes, withTempDir } from "./testing.ts";
import { TestVolume } from "./testing_volume.ts";

Deno.test("slots and tail", () => {
  assert.deepEqual([1024, 4096].map(orphansPerBlock), [254, 1022]);
  const bytes = new Uint8Array(1024).fill(0xff);
  const view = viewOf(bytes);
  writeEmptyOrphanBlock(bytes, view);
  assert.equal(view.getUint32(1016, true), 0x0b10ca04, "ob_magic");
  setOrphanInode(view, 253, 77);
  assert.equal(view.getUint32(1012, true), 77);
  assert.equal(orphanInode(view, 253), 77);
  setOrphanBlockChecksum(bytes, view, 5, 0x1234);
  validateOrphanBlock(bytes, view, 5, 77, 0x1234);
  assert.throws(
    () => validateOrphanBlock(bytes, view, 5, 76, 0x1234),
    new Corrupt("orphan file block", "block 0x5", "slot 253: inode 77"),
  );
  assert.throws(() => validateOrphanBlock(bytes, view, 6, 77, 0x1234), /ob_checksum/);
  withFlippedBytes(bytes, 0, 1024, () => {
    assert.throws(() => validateOrphanBlock(bytes, view, 5, 77, 0x1234), Corrupt);
  });
  bytes[1016] = 5;
  assert.throws(() => validateOrphanBlock(bytes, view, 5, 77, undefined), /ob_magic 0xb10ca05/);
});

testWith({
  name: "mke2fs's orphan file validates, and is what is written here",
  needs: [programs("mke2fs")],
  fn: () =>
    withTempDir((dir) => {
      const options = ["-t", "ext4", "-O", "has_journal,orphan_file,metadata_csum"];
      const volume = new TestVolume(makeImage(`${dir}/image`, 16 << 20, options));
      const inode = volume.inode(volume.superblock.orphanFileInode);
      const blocks = volume.blocksOf(inode);
      assert.ok(blocks.size > 0);
      for (const diskBlock of blocks.values()) {
        const bytes = volume.block(diskBlock);
        validateOrphanBlock(bytes, viewOf(bytes), diskBlock, 100, inode.checksumSeed);
        const own = new Uint8Array(bytes.length);
        writeEmptyOrphanBlock(own, viewOf(own));
        setOrphanBlockChecksum(own, viewOf(own), diskBlock, inode.checksumSeed);
        assert.deepEqual(own, bytes);
      }
    }),
});
