/** The fields of each kind of structure, read off the base image's bytes. @module */

import { direntNameLen, direntRecLen } from "../../fs/layout/dirent.ts";
import { EXTENT_MAGIC } from "../../fs/layout/extent.ts";
import { InodeFlag, S_IFDIR, S_IFMT } from "../../fs/layout/inode.ts";
import { QUOTA_DATA_HEADER_BYTES, QUOTA_ENTRY_BYTES } from "../../fs/layout/quota.ts";
import { type Field, named, row } from "./structure.ts";

/** Most fields of a list of equal entries. */
const MOST_ENTRIES = 60;

export const SUPERBLOCK_FIELDS: readonly Field[] = named(`
  inodes_count:0:4 blocks_count_lo:4:4 r_blocks_count_lo:8:4 free_blocks_count_lo:c:4
  free_inodes_count:10:4 first_data_block:14:4 log_block_size:18:4 log_cluster_size:1c:4
  blocks_per_group:20:4 clusters_per_group:24:4 inodes_per_group:28:4 mtime:2c:4 wtime:30:4
  mnt_count:34:2 max_mnt_count:36:2 magic:38:2 state:3a:2 errors:3c:2 minor_rev:3e:2 lastcheck:40:4
  checkinterval:44:4 creator_os:48:4 rev_level:4c:4 def_resuid:50:2 def_resgid:52:2 first_ino:54:4
  inode_size:58:2 block_group_nr:5a:2 feature_compat:5c:4 feature_incompat:60:4
  feature_ro_compat:64:4 uuid:68:4 volume_name:78:4 last_mounted:88:4 prealloc_blocks:cc:1
  prealloc_dir_blocks:cd:1 reserved_gdt_blocks:ce:2 journal_uuid:d0:4 journal_inum:e0:4
  journal_dev:e4:4 last_orphan:e8:4 hash_seed:ec:4 def_hash_version:fc:1 jnl_backup_type:fd:1
  desc_size:fe:2 default_mount_opts:100:4 first_meta_bg:104:4 mkfs_time:108:4 jnl_blocks:10c:4
  blocks_count_hi:150:4 r_blocks_count_hi:154:4 free_blocks_count_hi:158:4 min_extra_isize:15c:2
  want_extra_isize:15e:2 flags:160:4 raid_stride:164:2 mmp_interval:166:2 mmp_block:168:4
  mmp_block_hi:16c:4 raid_stripe_width:170:4 log_groups_per_flex:174:1 checksum_type:175:1
  encryption_level:176:1 kbytes_written:178:4 error_count:194:4 mount_opts:200:4 usr_quota_inum:240:4
  grp_quota_inum:244:4 overhead_clusters:248:4 backup_bgs0:24c:4 backup_bgs1:250:4 lpf_ino:268:4
  prj_quota_inum:26c:4 checksum_seed:270:4 wtime_hi:274:1 encoding:27c:2 encoding_flags:27e:2
  orphan_file_inum:280:4`);

const DESCRIPTOR_FIELDS = named(`
  block_bitmap:0:4 inode_bitmap:4:4 inode_table:8:4 free_blocks:c:2 free_inodes:e:2 used_dirs:10:2
  flags:12:2 exclude_bitmap:14:4 block_bitmap_csum:18:2 inode_bitmap_csum:1a:2 itable_unused:1c:2
  checksum:1e:2`);
const WIDE_DESCRIPTOR_FIELDS = named(`
  block_bitmap_hi:20:4 inode_bitmap_hi:24:4 inode_table_hi:28:4 free_blocks_hi:2c:2
  free_inodes_hi:2e:2 used_dirs_hi:30:2 itable_unused_hi:32:2 block_bitmap_csum_hi:38:2
  inode_bitmap_csum_hi:3a:2`);

export function descriptorFields(bytes: number): readonly Field[] {
  return bytes >= 64 ? [...DESCRIPTOR_FIELDS, ...WIDE_DESCRIPTOR_FIELDS] : DESCRIPTOR_FIELDS;
}

const INODE_FIELDS = named(`
  i_mode:0:2 i_uid:2:2 i_size:4:4 i_atime:8:4 i_ctime:c:4 i_mtime:10:4 i_dtime:14:4 i_gid:18:2
  i_links_count:1a:2 i_blocks_lo:1c:4 i_flags:20:4 i_version:24:4 i_generation:64:4
  i_file_acl_lo:68:4 i_size_high:6c:4 i_obso_faddr:70:4 i_blocks_high:74:2 i_file_acl_high:76:2
  i_uid_high:78:2 i_gid_high:7a:2 i_checksum_lo:7c:2`);
/** Fields that matter most are drawn more often. */
const WEIGHTY = named("i_mode:0:2 i_size:4:4 i_links_count:1a:2 i_flags:20:4 i_file_acl_lo:68:4");
const EXTRA_FIELDS = named(`
  i_extra_isize:80:2 i_checksum_hi:82:2 i_ctime_extra:84:4 i_mtime_extra:88:4 i_atime_extra:8c:4
  i_crtime:90:4 i_crtime_extra:94:4 i_version_hi:98:4 i_projid:9c:4`);
const I_BLOCK = 0x28;

/** Fields of the inode in `bytes`, with those of its i_block and its attributes. */
export function inodeFields(view: DataView): Field[] {
  const fields = [...INODE_FIELDS, ...WEIGHTY, ...iBlockFields(view)];
  if (view.byteLength <= 128) return fields;
  fields.push(...EXTRA_FIELDS);
  const start = 128 + view.getUint16(0x80, true);
  if (start + 8 <= view.byteLength && view.getUint32(start, true) === 0xea020000) {
    fields.push(...named("h_magic:0:4", start), ...xattrEntries(view, start + 4, view.byteLength));
  }
  return fields;
}

function iBlockFields(view: DataView): Field[] {
  const flags = view.getUint32(0x20, true);
  const isDirectory = (view.getUint16(0, true) & S_IFMT) === S_IFDIR;
  if ((flags & InodeFlag.INLINE_DATA) !== 0 && isDirectory) {
    const own = new DataView(view.buffer, view.byteOffset + I_BLOCK + 4, 56);
    return [...named("parent:28:4"), ...direntFields(own, I_BLOCK + 4)];
  }
  if (view.getUint16(I_BLOCK, true) === EXTENT_MAGIC) {
    return extentFields(new DataView(view.buffer, view.byteOffset + I_BLOCK, 60), I_BLOCK);
  }
  return row("i_block+", I_BLOCK, 4, 15);
}

/** Fields of an extent node; `base` is added to the offsets. */
export function extentFields(view: DataView, base = 0): Field[] {
  const fields = named("eh_magic:0:2 eh_entries:2:2 eh_max:4:2 eh_depth:6:2", base);
  const entries = Math.min(view.getUint16(2, true), Math.floor((view.byteLength - 12) / 12));
  const leaf = view.getUint16(6, true) === 0;
  const entry = leaf
    ? "ee_block:0:4 ee_len:4:2 ee_start_hi:6:2 ee_start_lo:8:4"
    : "ei_block:0:4 ei_leaf_lo:4:4 ei_leaf_hi:8:2";
  for (let index = 0; index < Math.min(entries, MOST_ENTRIES); index++) {
    fields.push(...named(entry, base + 12 + 12 * index, `[${index}].`));
  }
  return fields;
}

/** Fields of directory entries that fill `view`; `base` is added to the offsets. */
export function direntFields(view: DataView, base = 0): Field[] {
  const fields: Field[] = [];
  const end = view.byteLength;
  for (let at = 0, index = 0; at + 8 <= end && index < MOST_ENTRIES; index++) {
    const length = direntRecLen(view, at, end);
    const entry = "inode:0:4 rec_len:4:2 name_len:6:1 file_type:7:1";
    fields.push(...named(entry, base + at, `[${index}].`));
    if (direntNameLen(view, at) > 0) fields.push(...named("name:8:1", base + at, `[${index}].`));
    if (length < 8) break;
    at += length;
  }
  return fields;
}

/** Fields of an index block whose entries begin at `entries`. */
export function htreeFields(view: DataView, entries: number): Field[] {
  const fields = entries === 8
    ? named("inode:0:4 rec_len:4:2")
    : named(`dot:0:4 dot_rec_len:4:2 dotdot:c:4 dotdot_rec_len:10:2 reserved:18:4 hash_version:1c:1
        info_length:1d:1 indirect_levels:1e:1 unused_flags:1f:1`);
  fields.push(...named("limit:0:2 count:2:2 [0].block:4:4", entries));
  const count = Math.min(view.getUint16(entries + 2, true), MOST_ENTRIES);
  for (let index = 1; index < count; index++) {
    fields.push(...named("hash:0:4 block:4:4", entries + 8 * index, `[${index}].`));
  }
  return fields;
}

/** Fields of an attribute block. */
export function xattrBlockFields(view: DataView): Field[] {
  const header = named("h_magic:0:4 h_refcount:4:4 h_blocks:8:4 h_hash:c:4 h_checksum:10:4");
  return [...header, ...xattrEntries(view, 32, view.byteLength)];
}

function xattrEntries(view: DataView, first: number, end: number): Field[] {
  const fields: Field[] = [];
  const entry = `e_name_len:0:1 e_name_index:1:1 e_value_offs:2:2 e_value_inum:4:4 e_value_size:8:4
    e_hash:c:4 e_name:10:1`;
  for (let at = first, index = 0; at + 20 <= end && index < MOST_ENTRIES; index++) {
    fields.push(...named(entry, at, `[${index}].`));
    if (view.getUint32(at, true) === 0) break;
    at += (view.getUint8(at) + 16 + 3) & ~3;
  }
  return fields;
}

/** Fields of a quota file's block: header, tree or entries. */
export function quotaFields(view: DataView, fileBlock: number): Field[] {
  if (fileBlock === 0) return row("dqh+", 0, 4, 8);
  const fields = row("word+", 0, 4, 4);
  for (let at = 0; at + 4 <= view.byteLength; at += 4) {
    const set = view.getUint32(at, true) !== 0;
    if (set && fields.length < 3 * MOST_ENTRIES) fields.push(...row("word+", at, 4, 1));
  }
  return [...fields, ...row("entry+", QUOTA_DATA_HEADER_BYTES + QUOTA_ENTRY_BYTES, 4, 18)];
}
