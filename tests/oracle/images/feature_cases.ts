/**
 * The kinds of images that kfs must be able to work on: one row each; a new row is a new test.
 *
 * @module
 */

/** One kind of image. */
export interface FeatureCase {
  readonly name: string;
  /** What mke2fs is given besides the image and the size. */
  readonly options: readonly string[];
  /** 64M unless said otherwise. */
  readonly size?: string;
  /** What tune2fs is given afterwards. */
  readonly tune?: readonly string[];
  /**
   * `read-write` (usual): all of it must work. `read-only`: kfs may refuse to write, and must still show
   * everything with `ro`. `refused`: kfs may refuse it altogether, in words.
   */
  readonly expect?: "read-write" | "read-only" | "refused";
}

function ext4(features: string, more: Partial<FeatureCase> = {}): FeatureCase {
  return { name: `ext4 ${features}`, options: ["-t", "ext4", "-O", features], ...more };
}

function plain(...options: readonly string[]): FeatureCase {
  return { name: options.slice(1).join(" "), options };
}

/** All kinds. */
export const FEATURE_CASES: readonly FeatureCase[] = [
  plain("-t", "ext2"),
  plain("-t", "ext3"),
  plain("-t", "ext4"),
  plain("-t", "ext2", "-b", "1024"),
  plain("-t", "ext2", "-b", "4096", "-I", "128"),
  plain("-t", "ext3", "-b", "2048"),
  plain("-t", "ext4", "-b", "1024"),
  plain("-t", "ext4", "-b", "2048"),
  plain("-t", "ext4", "-b", "4096"),
  { ...plain("-t", "ext4", "-b", "65536"), size: "256M" },
  plain("-t", "ext4", "-I", "128"),
  plain("-t", "ext4", "-I", "512"),
  plain("-t", "ext4", "-I", "1024"),
  plain("-t", "ext4", "-g", "1024", "-b", "1024"),
  plain("-t", "ext4", "-G", "1"),
  plain("-t", "ext4", "-N", "3000"),
  plain("-t", "ext4", "-E", "stride=16,stripe_width=64"),
  ext4("^extent,^64bit"),
  ext4("inline_data"),
  {
    ...ext4("inline_data", { name: "ext4 inline_data, 1 KiB inodes" }),
    options: [
      ...["-t", "ext4", "-O", "inline_data", "-I", "1024"],
    ],
  },
  ext4("inline_data,^extent,^64bit"),
  ext4("^metadata_csum"),
  ext4("^metadata_csum,uninit_bg"),
  ext4("metadata_csum_seed"),
  { name: "ext4 bigalloc", options: ["-t", "ext4", "-O", "bigalloc", "-C", "16384"], size: "256M" },
  {
    name: "ext4 bigalloc, 1 KiB blocks, 16 KiB clusters",
    options: ["-t", "ext4", "-b", "1024", "-O", "bigalloc", "-C", "16384"],
    size: "256M",
  },
  {
    name: "ext4 bigalloc, 64 KiB clusters, inline data",
    options: ["-t", "ext4", "-O", "bigalloc,inline_data", "-C", "65536"],
    size: "512M",
  },
  ext4("^dir_index"),
  ext4("large_dir"),
  ext4("meta_bg,^resize_inode"),
  ext4("^flex_bg"),
  ext4("^64bit"),
  ext4("^64bit,^metadata_csum,^flex_bg,uninit_bg"),
  ext4("ea_inode"),
  ext4("^has_journal"),
  ext4("orphan_file"),
  ext4("sparse_super2"),
  ext4("^sparse_super,^resize_inode"),
  ext4("^resize_inode"),
  ext4("^huge_file,^dir_nlink,^extra_isize"),
  ext4("^filetype"),
  ext4("^ext_attr"),
  ext4("stable_inodes"),
  ext4("fast_commit"),
  ext4("quota"),
  {
    name: "ext4 quota, project, inline_data, ea_inode",
    options: [
      ...["-t", "ext4", "-O", "quota,project,inline_data,ea_inode"],
      ...["-E", "quotatype=usrquota:grpquota:prjquota"],
    ],
  },
  ext4("mmp"),
  ext4("verity"),
  ext4("encrypt"),
  ext4("casefold"),
  { ...plain("-t", "ext4"), name: "ext4, TEA hash", tune: ["-E", "hash_alg=tea"] },
  { ...plain("-t", "ext4"), name: "ext4, legacy hash", tune: ["-E", "hash_alg=legacy"] },
];
