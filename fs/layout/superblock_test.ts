import assert from "node:assert/strict";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { Corrupt } from "../errors.ts";
import {
  decodeSuperblock,
  groupHasSuperblock,
  Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "./superblock.ts";
import type { RawSuperblock } from "./superblock_fields.ts";
import { fixtureImage, makeImage, runTool, withFlippedBytes, withTempDir } from "./testing.ts";

/** The accessors of single integers. */
type Field = {
  [K in keyof RawSuperblock]: RawSuperblock[K] extends number ? K : never;
}[keyof RawSuperblock];

/** The kernel's ext4_super_block in order: name, bytes, and our accessors of its integers. */
const FIELDS: readonly (readonly [name: string, bytes: number, ...accessors: Field[]])[] = [
  ["s_inodes_count", 4, "inodesCountRaw"],
  ["s_blocks_count_lo", 4, "blocksCountLo"],
  ["s_r_blocks_count_lo", 4, "reservedBlocksCountLo"],
  ["s_free_blocks_count_lo", 4, "freeBlocksCountLo"],
  ["s_free_inodes_count", 4, "freeInodesCount"],
  ["s_first_data_block", 4, "firstDataBlock"],
  ["s_log_block_size", 4, "logBlockSize"],
  ["s_log_cluster_size", 4, "logClusterSize"],
  ["s_blocks_per_group", 4, "blocksPerGroup"],
  ["s_clusters_per_group", 4, "clustersPerGroup"],
  ["s_inodes_per_group", 4, "inodesPerGroup"],
  ["s_mtime", 4, "mountTimeLo"],
  ["s_wtime", 4, "writeTimeLo"],
  ["s_mnt_count", 2, "mountCount"],
  ["s_max_mnt_count", 2, "maxMountCount"],
  ["s_magic", 2, "magic"],
  ["s_state", 2, "state"],
  ["s_errors", 2, "errorsBehavior"],
  ["s_minor_rev_level", 2, "minorRevision"],
  ["s_lastcheck", 4, "lastCheckLo"],
  ["s_checkinterval", 4, "checkInterval"],
  ["s_creator_os", 4, "creatorOs"],
  ["s_rev_level", 4, "revision"],
  ["s_def_resuid", 2, "defaultReservedUid"],
  ["s_def_resgid", 2, "defaultReservedGid"],
  ["s_first_ino", 4, "firstInodeRaw"],
  ["s_inode_size", 2, "inodeSizeRaw"],
  ["s_block_group_nr", 2, "blockGroupNumber"],
  ["s_feature_compat", 4, "featureCompat"],
  ["s_feature_incompat", 4, "featureIncompat"],
  ["s_feature_ro_compat", 4, "featureRoCompat"],
  ["s_uuid", 16],
  ["s_volume_name", 16],
  ["s_last_mounted", 64],
  ["s_algorithm_usage_bitmap", 4, "algorithmUsageBitmap"],
  ["s_prealloc_blocks", 1, "preallocBlocks"],
  ["s_prealloc_dir_blocks", 1, "preallocDirBlocks"],
  ["s_reserved_gdt_blocks", 2, "reservedGdtBlocks"],
  ["s_journal_uuid", 16],
  ["s_journal_inum", 4, "journalInode"],
  ["s_journal_dev", 4, "journalDevice"],
  ["s_last_orphan", 4, "lastOrphan"],
  ["s_hash_seed", 16],
  ["s_def_hash_version", 1, "defaultHashVersion"],
  ["s_jnl_backup_type", 1, "journalBackupType"],
  ["s_desc_size", 2, "descriptorSizeRaw"],
  ["s_default_mount_opts", 4, "defaultMountOptions"],
  ["s_first_meta_bg", 4, "firstMetaBlockGroup"],
  ["s_mkfs_time", 4, "creationTimeLo"],
  ["s_jnl_blocks", 68],
  ["s_blocks_count_hi", 4, "blocksCountHi"],
  ["s_r_blocks_count_hi", 4, "reservedBlocksCountHi"],
  ["s_free_blocks_count_hi", 4, "freeBlocksCountHi"],
  ["s_min_extra_isize", 2, "minExtraIsize"],
  ["s_want_extra_isize", 2, "wantExtraIsize"],
  ["s_flags", 4, "flags"],
  ["s_raid_stride", 2, "raidStride"],
  ["s_mmp_interval", 2, "mmpInterval"],
  ["s_mmp_block", 8, "mmpBlockLo", "mmpBlockHi"],
  ["s_raid_stripe_width", 4, "raidStripeWidth"],
  ["s_log_groups_per_flex", 1, "logGroupsPerFlex"],
  ["s_checksum_type", 1, "checksumType"],
  ["s_encryption_level", 1, "encryptionLevel"],
  ["s_reserved_pad", 1],
  ["s_kbytes_written", 8, "kbytesWrittenLo", "kbytesWrittenHi"],
  ["s_snapshot_inum", 4],
  ["s_snapshot_id", 4],
  ["s_snapshot_r_blocks_count", 8],
  ["s_snapshot_list", 4],
  ["s_error_count", 4, "errorCount"],
  ["s_first_error_time", 4, "firstErrorTimeLo"],
  ["s_first_error_ino", 4, "firstErrorInode"],
  ["s_first_error_block", 8],
  ["s_first_error_func", 32],
  ["s_first_error_line", 4, "firstErrorLine"],
  ["s_last_error_time", 4, "lastErrorTimeLo"],
  ["s_last_error_ino", 4, "lastErrorInode"],
  ["s_last_error_line", 4, "lastErrorLine"],
  ["s_last_error_block", 8],
  ["s_last_error_func", 32],
  ["s_mount_opts", 64],
  ["s_usr_quota_inum", 4, "userQuotaInode"],
  ["s_grp_quota_inum", 4, "groupQuotaInode"],
  ["s_overhead_clusters", 4, "overheadClusters"],
  ["s_backup_bgs", 8, "backupGroup0", "backupGroup1"],
  ["s_encrypt_algos", 4],
  ["s_encrypt_pw_salt", 16],
  ["s_lpf_ino", 4, "lostFoundInode"],
  ["s_prj_quota_inum", 4, "projectQuotaInode"],
  ["s_checksum_seed", 4, "checksumSeedRaw"],
  ["s_wtime_hi", 1, "writeTimeHi"],
  ["s_mtime_hi", 1, "mountTimeHi"],
  ["s_mkfs_time_hi", 1, "creationTimeHi"],
  ["s_lastcheck_hi", 1, "lastCheckHi"],
  ["s_first_error_time_hi", 1, "firstErrorTimeHi"],
  ["s_last_error_time_hi", 1, "lastErrorTimeHi"],
  ["s_first_error_errcode", 1, "firstErrorCode"],
  ["s_last_error_errcode", 1, "lastErrorCode"],
  ["s_encoding", 2, "encoding"],
  ["s_encoding_flags", 2, "encodingFlags"],
  ["s_orphan_file_inum", 4, "orphanFileInode"],
  ["s_reserved", 372],
  ["s_reserved, last word", 4, "snapshotStamp"],
  ["s_checksum", 4, "checksum"],
];

Deno.test("every accessor reads and writes its kernel field and nothing else; all fields make 1024 bytes", () => {
  let at = 0;
  const seen = new Set<string>();
  for (const [name, bytes, ...accessors] of FIELDS) {
    const width = bytes / Math.max(accessors.length, 1);
    accessors.forEach((accessor, index) => {
      const superblock = new Superblock(new Uint8Array(SUPERBLOCK_BYTES));
      const offset = at + index * width;
      for (let i = 0; i < width; i++) superblock.bytes[offset + i] = 0x11 * (i + 1);
      const value = superblock[accessor];
      assert.equal(value, [0x11, 0x2211, 0, 0x44332211][width - 1], name);
      superblock.bytes.fill(0);
      superblock[accessor] = value;
      const changed = [...superblock.bytes.entries()].filter(([, byte]) => byte !== 0);
      assert.deepEqual(changed, changed.map((_, i) => [offset + i, 0x11 * (i + 1)]), name);
      assert.equal(changed.length, width, name);
      seen.add(accessor);
    });
    at += bytes;
  }
  assert.equal(at, SUPERBLOCK_BYTES);
  assert.ok(seen.size > 80);
});

const CASES = ["ext4_4k", "ext2_1k", "htree", "inline_data", "ea_inode"];

function fixtureSuperblock(name: string): Uint8Array {
  return fixtureImage(name).slice(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES);
}

Deno.test("golden superblocks decode; setting the checksum anew changes nothing", () => {
  for (const name of CASES) {
    const bytes = fixtureSuperblock(name);
    const superblock = decodeSuperblock(bytes);
    superblock.setChecksum();
    assert.deepEqual(superblock.bytes, bytes);
    assert.equal(superblock.uuid[15], CASES.indexOf(name) + 1);
  }
});

Deno.test("any changed byte of a superblock with metadata_csum is noticed", () => {
  const bytes = fixtureSuperblock("ext4_4k");
  withFlippedBytes(bytes, 0, SUPERBLOCK_BYTES, (at) => {
    assert.throws(() => decodeSuperblock(bytes), Corrupt, `byte ${at}`);
  }, 1);
});

Deno.test("each fault is named", () => {
  const faults: [string, (superblock: Superblock) => void][] = [
    ["s_rev_level 2 is not known", (s) => s.revision = 2],
    ["s_log_block_size 7 exceeds 6", (s) => s.logBlockSize = 7],
    ["s_inode_size 384", (s) => s.inodeSizeRaw = 384],
    ["s_inode_size 64", (s) => s.inodeSizeRaw = 64],
    ["s_inodes_per_group 0", (s) => s.inodesPerGroup = 0],
    ["s_first_ino 5", (s) => s.firstInodeRaw = 5],
    ["s_blocks_per_group 8188", (s) => s.blocksPerGroup = 8188],
    ["s_first_data_block 0 is not 1", (s) => s.firstDataBlock = 0],
    ["s_reserved_gdt_blocks 257", (s) => s.reservedGdtBlocks = 257],
    ["s_log_groups_per_flex 32", (s) => s.logGroupsPerFlex = 32],
    ["s_desc_size 48", (s) => {
      s.featureIncompat |= 0x80;
      s.descriptorSizeRaw = 48;
    }],
  ];
  for (const [fault, spoil] of faults) {
    const superblock = new Superblock(fixtureSuperblock("ext2_1k"));
    spoil(superblock);
    assert.throws(
      () => decodeSuperblock(superblock.bytes, "here"),
      new Corrupt("superblock", "here", fault),
    );
  }
  assert.throws(() => decodeSuperblock(new Uint8Array(1024)), /s_magic 0x0 is not 0xef53/);
});

Deno.test("any byte changed without checksum decodes or is Corrupt, and no getter fails", () => {
  const bytes = fixtureSuperblock("ext2_1k");
  for (const mask of [0xff, 0x80, 0x01]) {
    withFlippedBytes(bytes, 0, 0x300, () => {
      try {
        const superblock = decodeSuperblock(bytes);
        assert.ok(Number.isSafeInteger(superblock.groupCount) && superblock.groupCount > 0);
        assert.ok(superblock.descriptorBytes >= 32 && superblock.inodeBytes >= 128);
      } catch (error) {
        assert.ok(error instanceof Corrupt, `${error}`);
      }
    }, mask);
  }
});

testWith({
  name: "dumpe2fs says the same of images of many options",
  needs: [programs("mke2fs", "dumpe2fs")],
  fn: () =>
    withTempDir((dir) => {
      const options = [
        ["-t", "ext2", "-b", "1024"],
        ["-t", "ext4", "-b", "4096", "-m", "3", "-L", "a label", "-O", "64bit,metadata_csum"],
        ["-t", "ext4", "-b", "2048", "-I", "512", "-O", "^64bit,sparse_super2,^resize_inode"],
        ["-t", "ext4", "-b", "1024", "-g", "4096", "-O", "meta_bg,^resize_inode"],
        ["-t", "ext4", "-O", "bigalloc", "-C", "16384"],
      ];
      for (const option of options) {
        const image = makeImage(`${dir}/image`, 40 << 20, option);
        const superblock = decodeSuperblock(image.subarray(1024, 2048));
        const text = new TextDecoder().decode(runTool("dumpe2fs", ["-h", `${dir}/image`]));
        const number = (label: string) =>
          Number(new RegExp(`^${label}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
        assert.equal(superblock.inodesCount, number("Inode count"));
        assert.equal(superblock.blocksCount, number("Block count"));
        assert.equal(superblock.reservedBlocksCount, number("Reserved block count"));
        assert.equal(superblock.freeBlocksCount, number("Free blocks"));
        assert.equal(superblock.freeInodesCount, number("Free inodes"));
        assert.equal(superblock.firstDataBlock, number("First block"));
        assert.equal(superblock.blockBytes, number("Block size"));
        assert.equal(superblock.blocksPerGroup, number("Blocks per group"));
        assert.equal(superblock.inodesPerGroup, number("Inodes per group"));
        assert.equal(superblock.inodeBytes, number("Inode size"));
        assert.equal(superblock.firstInode, number("First inode"));
        assert.equal(superblock.wantExtraIsize, number("Desired extra isize"));
        if (option.includes("bigalloc")) {
          assert.equal(superblock.clusterBytes, number("Cluster size"));
        }
        if (option.includes("a label")) assert.equal(superblock.label, "a label");
        const full = new TextDecoder().decode(runTool("dumpe2fs", [`${dir}/image`]));
        const groups = full.split(/^Group (?=\d+:)/m).slice(1);
        assert.equal(superblock.groupCount, groups.length);
        groups.forEach((group, index) => {
          const has = /(Primary|Backup) superblock at/.test(group);
          assert.equal(groupHasSuperblock(superblock, index), has, `${option} group ${index}`);
        });
      }
    }),
});
