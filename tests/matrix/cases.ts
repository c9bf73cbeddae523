/**
 * The combinations of features, sizes and revisions that kfs is tried on.
 *
 * @module
 */

/** One kind of image. */
export interface MatrixCase {
  /** What mke2fs is given besides the image and the size. */
  readonly options: readonly string[];
  readonly size: string;
}

/** Cases under one heading. */
export interface Section {
  readonly title: string;
  readonly cases: readonly MatrixCase[];
}

function made(options: string, size = "32M"): MatrixCase {
  return { options: options.split(" "), size };
}

/** Sizes with which block sizes leave room for the journal and the work. */
const SIZES: Readonly<Record<number, string>> = { 16384: "128M", 32768: "128M", 65536: "256M" };

function types(): MatrixCase[] {
  const cases = ["ext2", "ext3", "ext4"].flatMap((type) =>
    [1024, 2048, 4096].map((block) => made(`-t ${type} -b ${block}`))
  );
  const large = [8192, 16384, 32768, 65536].flatMap((block) => [
    made(`-t ext4 -b ${block}`, SIZES[block] ?? "64M"),
    made(`-t ext2 -b ${block}`, SIZES[block] ?? "64M"),
  ]);
  return [...cases, ...large];
}

const inodeSizes = [
  ...[128, 256, 512, 1024].flatMap((bytes) =>
    ["ext2", "ext3", "ext4"].map((type) => made(`-t ${type} -b 1024 -I ${bytes}`))
  ),
  made("-t ext4 -b 4096 -I 2048"),
  made("-t ext4 -b 4096 -I 4096 -N 1024"),
  made("-t ext4 -b 1024 -I 512 -O inline_data"),
  made("-t ext4 -b 4096 -I 4096 -N 1024 -O inline_data"),
];

const revisions = [
  made("-t ext2 -b 1024 -r 0"),
  made("-t ext2 -b 4096 -r 0"),
  made("-t ext2 -b 1024 -r 1"),
  made("-t ext4 -b 1024 -o hurd -I 128 -O ^extra_isize"),
];

const clusters = [
  ...[2, 4, 16, 64, 256, 512].map((kibibytes) =>
    made(`-t ext4 -b 1024 -O bigalloc -C ${kibibytes * 1024}`, "128M")
  ),
  ...[8, 16, 64, 256, 1024].map((kibibytes) =>
    made(`-t ext4 -b 4096 -O bigalloc -C ${kibibytes * 1024}`, "512M")
  ),
  made("-t ext4 -b 65536 -O bigalloc -C 262144", "1G"),
  made("-t ext4 -b 1024 -O bigalloc,inline_data,ea_inode -C 16384", "128M"),
  made("-t ext4 -b 4096 -O bigalloc,quota,project -C 65536", "512M"),
];

const layouts = [
  made("-t ext4 -b 1024 -g 256 -N 2048"),
  made("-t ext4 -b 1024 -g 1024 -G 4"),
  made("-t ext4 -b 1024 -G 1"),
  made("-t ext4 -b 1024 -O ^flex_bg -g 512"),
  made("-t ext4 -b 1024 -O meta_bg,^resize_inode -g 256 -N 2048"),
  made("-t ext4 -b 1024 -O meta_bg,^resize_inode,^64bit,^metadata_csum -g 256 -N 2048"),
  made("-t ext4 -b 1024 -N 20000"),
  made("-t ext4 -E stride=16,stripe_width=64"),
  made("-t ext4 -E packed_meta_blocks=1"),
  made("-t ext4 -b 1024 -J size=8"),
  made("-t ext4 -b 1024 -E lazy_itable_init=1"),
  made("-t ext4 -m 20"),
  made("-t ext4 -b 1024 -E num_backup_sb=1 -O sparse_super2"),
  made("-t ext4 -E quotatype=usrquota:grpquota:prjquota -O quota,project"),
  made("-t ext4 -O casefold -E encoding=utf8-12.1,encoding_flags=strict"),
  made("-t ext3 -b 1024 -O dir_index,large_dir,ea_inode"),
  made("-t ext2 -b 1024 -O ^dir_index,^ext_attr,^resize_inode,^large_file"),
];

/**
 * Features that are set or cleared on ext4, each with what it takes along. The name is shown, `^` is without.
 * In the order of the bits' words.
 */
export const TOGGLES: Readonly<Record<string, string>> = {
  "^has_journal": "^has_journal",
  "^ext_attr": "^ext_attr",
  "^resize_inode": "^resize_inode",
  "^dir_index": "^dir_index",
  sparse_super2: "sparse_super2",
  stable_inodes: "stable_inodes",
  fast_commit: "fast_commit",
  orphan_file: "orphan_file",
  "^filetype": "^filetype",
  "^extent": "^extent,^64bit",
  "^64bit": "^64bit",
  meta_bg: "meta_bg,^resize_inode",
  "^flex_bg": "^flex_bg",
  mmp: "mmp",
  ea_inode: "ea_inode",
  metadata_csum_seed: "metadata_csum_seed",
  large_dir: "large_dir",
  inline_data: "inline_data",
  encrypt: "encrypt",
  casefold: "casefold",
  "^sparse_super": "^sparse_super,^resize_inode",
  "^large_file": "^large_file",
  "^huge_file": "^huge_file",
  "^metadata_csum": "^metadata_csum",
  uninit_bg: "uninit_bg,^metadata_csum",
  "^dir_nlink": "^dir_nlink",
  "^extra_isize": "^extra_isize",
  quota: "quota",
  project: "quota,project",
  bigalloc: "bigalloc",
  verity: "verity",
};

/** With 4 KiB blocks each toggle alone; together with another with 1 KiB blocks. */
function toggled(block: number, features: string): MatrixCase {
  // Waiting for another host's sign of life takes seconds.
  const quick = features.includes("mmp") ? " -E mmp_update_interval=1" : "";
  const clustered = features.includes("bigalloc") ? ` -C ${4 * block}` : "";
  const size = features.includes("bigalloc") ? "64M" : "32M";
  return made(`-t ext4 -b ${block} -O ${features}${clustered}${quick}`, size);
}

/** All headings but that of the pairs. */
export const SECTIONS: readonly Section[] = [
  { title: "Types and block sizes", cases: types() },
  { title: "Inode sizes", cases: inodeSizes },
  { title: "Revisions", cases: revisions },
  { title: "Cluster sizes", cases: clusters },
  { title: "Layouts", cases: layouts },
  {
    title: "Features",
    cases: Object.values(TOGGLES).map((features) => toggled(4096, features)),
  },
];

/** Two toggles together, the same one twice on the diagonal. */
export function pairCase(first: string, second: string): MatrixCase {
  const words = [TOGGLES[first] ?? "", TOGGLES[second] ?? ""].flatMap((list) => list.split(","));
  return toggled(1024, [...new Set(words)].join(","));
}

/** Pairs that take back what the other asks for. */
export function contradict(first: string, second: string): boolean {
  const words = new Set(`${TOGGLES[first]},${TOGGLES[second]}`.split(","));
  return [...words].some((word) => words.has(`^${word}`));
}
