/**
 * Command lines that mkfs and mke2fs both get; one row each, a new row is a new test.
 *
 * @module
 */

/** One command line. */
export interface FormatCase {
  readonly options: readonly string[];
  readonly size: string;
}

function one(size: string, text = ""): FormatCase {
  return { size, options: text === "" ? [] : text.split(" ") };
}

const TYPES = ["ext2", "ext3", "ext4"];
const SIZES = ["1M", "3M", "8M", "40M", "200M", "512M", "1G", "5G", "100G", "1T"];

const EVERY_TYPE = TYPES.flatMap((type) => SIZES.map((size) => one(size, `-t ${type}`)));

const BLOCK_SIZES = ["1024", "2048", "4096", "65536"].flatMap((bytes) => [
  one("64M", `-t ext4 -b ${bytes}`),
  one("3G", `-t ext4 -b ${bytes}`),
  one("700M", `-t ext2 -b ${bytes}`),
]);

const INODES = [
  ...["128", "256", "512", "1024"].map((bytes) => one("100M", `-t ext4 -I ${bytes}`)),
  one("100M", "-t ext4 -N 50"),
  one("100M", "-t ext4 -N 123456"),
  one("1G", "-t ext4 -i 4096"),
  one("1G", "-t ext4 -i 1048576"),
  ...["small", "floppy", "big", "huge", "news", "largefile", "largefile4"].map((usage) =>
    one("2G", `-t ext4 -T ${usage}`)
  ),
];

const FEATURES = [
  "^extent,^64bit",
  "inline_data",
  "^metadata_csum",
  "^metadata_csum,uninit_bg",
  "metadata_csum_seed",
  "bigalloc",
  "^dir_index",
  "large_dir",
  "meta_bg,^resize_inode",
  "^flex_bg",
  "^64bit",
  "ea_inode",
  "^has_journal",
  "orphan_file",
  "sparse_super2",
  "^sparse_super,^resize_inode",
  "^resize_inode",
  "^huge_file,^dir_nlink,^extra_isize",
  "^filetype",
  "stable_inodes",
  "fast_commit",
  "quota",
  "quota,project",
  "mmp",
  "verity",
  "encrypt",
  "casefold",
].map((features) => one("300M", `-t ext4 -O ${features}`));

const EXTENDED = [
  "stride=16,stripe_width=64",
  "resize=2G",
  "lazy_itable_init=0",
  "lazy_itable_init=1",
  "lazy_journal_init=1",
  "num_backup_sb=1",
  "packed_meta_blocks=1",
  "root_owner=1000:1001",
  "nodiscard",
  "offset=1048576",
].map((extended) => one("300M", `-t ext4 -E ${extended}`));

const OTHERS = [
  "-t ext4 -g 8192",
  "-t ext4 -G 4",
  "-t ext4 -G 1",
  "-t ext4 -m 0",
  "-t ext4 -m 12.5",
  "-t ext4 -e panic",
  "-t ext4 -L a-label",
  "-t ext4 -M /some/where",
  "-t ext4 -J size=16",
  "-t ext4 -j",
  "-t ext2 -j",
  "-t ext2 -r 0",
  "-t ext4 -O bigalloc -C 65536",
  "-t ext4 -b 1024 -O bigalloc -C 16384",
  "-t ext4 -o hurd",
  "-t ext4 -b 2048",
  "-t ext4 -O none",
].map((text) => one("300M", text));

/** All command lines. */
export const FORMAT_CASES: readonly FormatCase[] = [
  ...EVERY_TYPE,
  ...BLOCK_SIZES,
  ...INODES,
  ...FEATURES,
  ...EXTENDED,
  ...OTHERS,
  one("16T", "-t ext4"),
  one("20T", "-t ext4"),
];
