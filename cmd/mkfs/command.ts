/**
 * The options of mkfs, with the letters of mke2fs.
 *
 * @module
 */

import type { CommandSpec } from "../shared/command_line.ts";
import { BUILD_OPTIONS } from "./build_options.ts";

export const MKFS: CommandSpec = {
  name: "mkfs",
  summary: "Makes an ext4 (or ext2, ext3) file system in an image file or on a block device.",
  operands: "DEVICE [SIZE]",
  options: [
    { letter: "b", value: "SIZE", help: "block size: 1024 to 65536; -SIZE sets a lower bound" },
    { letter: "c", help: "look for bad blocks first by reading; twice: by writing, too" },
    { letter: "C", value: "SIZE", help: "cluster size, with the feature bigalloc" },
    { letter: "d", value: "DIR", help: "copy the contents of a directory into the file system" },
    { letter: "D", help: "write around the page cache (direct I/O)" },
    { letter: "e", value: "WHAT", help: "on errors: continue, remount-ro or panic" },
    { letter: "E", value: "LIST", help: "extended options, see below" },
    { letter: "F", help: "overwrite what is there; twice: even if it seems to be in use" },
    { letter: "g", value: "N", help: "blocks (with bigalloc: clusters) of a group" },
    { letter: "G", value: "N", help: "groups whose metadata lie together (flex_bg)" },
    { letter: "i", value: "BYTES", help: "bytes of space for each inode" },
    { letter: "I", value: "SIZE", help: "inode size: 128 to the block size" },
    { letter: "j", help: "make a journal, whatever the type" },
    { letter: "J", value: "LIST", help: "size=, fast_commit_size=, location=, device=" },
    { letter: "l", value: "FILE", help: "read the list of bad blocks from a file" },
    { letter: "L", value: "LABEL", help: "volume label, up to 16 bytes" },
    { letter: "m", value: "PERCENT", help: "space reserved for root, 0 to 50" },
    { letter: "M", value: "DIR", help: "directory where it was last mounted" },
    { letter: "n", help: "only show what would be made" },
    { letter: "N", value: "COUNT", help: "number of inodes" },
    { letter: "o", value: "OS", help: "creator: linux, hurd, freebsd, lites or a number" },
    { letter: "O", value: "LIST", help: "features to set, or to clear with ^; none clears all" },
    { letter: "q", help: "print nothing but errors" },
    { letter: "r", value: "N", help: "revision of the format: 0 or 1" },
    { letter: "S", help: "write superblocks and group descriptors only (a last resort)" },
    { letter: "t", value: "TYPE", help: "ext2, ext3 or ext4 (the default)" },
    {
      letter: "T",
      value: "LIST",
      help: "usage: small, floppy, big, huge, news, largefile, largefile4; by size if not given",
    },
    { letter: "U", value: "UUID", help: "a UUID, or random, time, clear" },
    { letter: "v", help: "print more" },
    { letter: "V", name: "version", help: "print the version" },
    { letter: "z", value: "FILE", help: "(undo files are not written: refused)" },
    { name: "json", help: "print the result as JSON" },
    ...BUILD_OPTIONS,
    { letter: "h", name: "help", help: "print this" },
  ],
  notes: `SIZE without a suffix counts KiB, or blocks if -b is given; 64k, 10M, 1.5G, 16T are sizes.
The file is made, or grown, when SIZE is given; with --from a new file gets the size that it needs.

-E takes: mmp_update_interval=, stride=, stripe_width=, offset=, resize=, lazy_itable_init[=],
lazy_journal_init[=], assume_storage_prezeroed[=], no_copy_xattrs, num_backup_sb=,
packed_meta_blocks[=], root_owner[=uid:gid], root_perms=, root_selinux=, [no]discard, quotatype=,
encoding=, encoding_flags=, hash_seed=, desc_size=, orphan_file_size=, revision=, test_fs.`,
};
