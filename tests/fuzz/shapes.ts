/**
 * The images that are mutated: one row each, small, and between them with every structure of the format.
 *
 * @module
 */

/** What is done to an image after mke2fs has made and filled it. */
export type Extra =
  /** Fragmented, preallocated and large-attribute files, by the engine. */
  | "populate"
  /** A directory whose index has two levels. */
  | "large-directory"
  /** Directories that disregard case, with an index and without. */
  | "folded-directories"
  /** Files that were deleted while open, and an end without unmounting. */
  | "orphans"
  /** Transactions that wait for their replay, with revoked blocks and copies that need escaping. */
  | "journal";

/** One kind of image. */
export interface Shape {
  readonly name: string;
  /** What mke2fs is given besides the image and the size. */
  readonly options: readonly string[];
  readonly kibibytes: number;
  readonly extras: readonly Extra[];
  /** Checksums of the journal that waits. */
  readonly journalChecksums?: 0 | 2 | 3;
}

function shape(
  name: string,
  options: string,
  kibibytes: number,
  extras: readonly Extra[] = ["populate"],
  journalChecksums?: 0 | 2 | 3,
): Shape {
  const more = journalChecksums === undefined ? {} : { journalChecksums };
  return { name, options: options.split(" "), kibibytes, extras, ...more };
}

const SMALL = "-t ext4 -b 1024 -O ^has_journal";

/** All kinds; most without a journal, so that they are small and mutations meet something. */
export const SHAPES: readonly Shape[] = [
  shape("ext2", "-t ext2 -b 1024", 2048),
  shape("ext2, revision 0", "-t ext2 -b 1024 -r 0", 2048),
  shape("ext2, 4 KiB blocks", "-t ext2 -b 4096 -I 128", 4096),
  shape("ext3", "-t ext3 -b 1024", 4096),
  shape("ext4", "-t ext4 -b 1024", 4096),
  shape("ext4, 4 KiB blocks", "-t ext4 -b 4096", 8192),
  shape("ext4, 2 KiB blocks", "-t ext4 -b 2048 -O ^has_journal", 4096),
  shape("ext4, 64 KiB blocks", "-t ext4 -b 65536 -O ^has_journal -N 256", 16384),
  shape("ext4, no journal", SMALL, 3072),
  shape("no checksums", `${SMALL},^metadata_csum`, 3072),
  shape("crc16 groups", `${SMALL},^metadata_csum,uninit_bg,^64bit -g 512`, 4096),
  shape("many groups", `${SMALL} -g 256 -N 512`, 4096),
  shape("many groups, no flex_bg", `${SMALL},^flex_bg -g 512`, 4096),
  shape("meta_bg", `${SMALL},meta_bg,^resize_inode -g 256 -N 512`, 8192),
  shape("metadata_csum_seed", `${SMALL},metadata_csum_seed`, 2048),
  shape("sparse_super2", `${SMALL},sparse_super2 -g 1024`, 4096),
  shape("no sparse_super", `${SMALL},^sparse_super,^resize_inode -g 1024`, 4096),
  shape("block maps", `${SMALL},^extent,^64bit`, 3072),
  shape("block maps, no checksums", `${SMALL},^extent,^64bit,^metadata_csum`, 3072),
  shape("inline_data", `${SMALL},inline_data`, 2048),
  shape("inline_data, no checksums", `${SMALL},inline_data,^metadata_csum -I 512`, 2048),
  shape("ea_inode", `${SMALL},ea_inode`, 3072),
  shape("ea_inode, inline_data", `${SMALL},ea_inode,inline_data,^metadata_csum -I 512`, 3072),
  shape("bigalloc", `${SMALL},bigalloc -C 4096`, 8192),
  shape("bigalloc, 4 KiB blocks", "-t ext4 -b 4096 -O ^has_journal,bigalloc -C 16384", 8192),
  shape("128-byte inodes", "-t ext4 -b 1024 -O ^has_journal -I 128", 2048),
  shape("1 KiB inodes", "-t ext4 -b 1024 -O ^has_journal -I 1024", 3072),
  shape("linear directories", `${SMALL},^dir_index`, 2048),
  shape("linear directories, no checksums, no types", `${SMALL},^dir_index,^metadata_csum`, 2048),
  shape("no filetype", `${SMALL},^filetype`, 2048),
  shape("two-level index", SMALL, 3072, ["large-directory"]),
  shape("two-level index, no checksums", `${SMALL},^metadata_csum`, 3072, ["large-directory"]),
  shape("large_dir", `${SMALL},large_dir`, 3072, ["large-directory"]),
  shape("orphan list", SMALL, 3072, ["populate", "orphans"]),
  shape("orphan file", "-t ext4 -b 1024 -O orphan_file", 4096, ["populate", "orphans"]),
  shape("journal, checksums v3", "-t ext4 -b 1024", 4096, ["populate", "journal"], 3),
  shape("journal, checksums v2", "-t ext4 -b 1024", 4096, ["journal"], 2),
  shape(
    "journal, no checksums",
    "-t ext4 -b 1024 -O ^metadata_csum,^64bit",
    4096,
    ["journal"],
    0,
  ),
  shape("fast_commit", "-t ext4 -b 1024 -O fast_commit", 8192),
  shape("quota", `${SMALL},quota`, 3072),
  shape("quota, project", `${SMALL},quota,project`, 3072),
  shape("casefold", `${SMALL},casefold`, 3072, ["populate", "folded-directories"]),
  shape("mmp", `${SMALL},mmp`, 2048),
  shape("verity", `${SMALL},verity`, 2048),
  shape("encrypt", `${SMALL},encrypt`, 2048),
];
