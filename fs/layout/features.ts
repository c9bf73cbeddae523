/**
 * Feature flags of the superblock (kernel documentation: filesystems/ext4/globals, "Super Block",
 * tables of s_feature_compat, s_feature_incompat and s_feature_ro_compat).
 *
 * @module
 */

/** s_feature_compat bits: an implementation that does not know them may still read and write. */
export const Compat = {
  DIR_PREALLOC: 0x1,
  IMAGIC_INODES: 0x2,
  HAS_JOURNAL: 0x4,
  EXT_ATTR: 0x8,
  RESIZE_INODE: 0x10,
  DIR_INDEX: 0x20,
  LAZY_BG: 0x40,
  EXCLUDE_BITMAP: 0x100,
  SPARSE_SUPER2: 0x200,
  FAST_COMMIT: 0x400,
  STABLE_INODES: 0x800,
  ORPHAN_FILE: 0x1000,
} as const;

/** s_feature_incompat bits: an implementation that does not know one must not mount. */
export const Incompat = {
  COMPRESSION: 0x1,
  FILETYPE: 0x2,
  RECOVER: 0x4,
  JOURNAL_DEV: 0x8,
  META_BG: 0x10,
  EXTENTS: 0x40,
  BIT64: 0x80,
  MMP: 0x100,
  FLEX_BG: 0x200,
  EA_INODE: 0x400,
  DIRDATA: 0x1000,
  CSUM_SEED: 0x2000,
  LARGEDIR: 0x4000,
  INLINE_DATA: 0x8000,
  ENCRYPT: 0x10000,
  CASEFOLD: 0x20000,
} as const;

/** s_feature_ro_compat bits: an implementation that does not know one may only read. */
export const RoCompat = {
  SPARSE_SUPER: 0x1,
  LARGE_FILE: 0x2,
  BTREE_DIR: 0x4,
  HUGE_FILE: 0x8,
  GDT_CSUM: 0x10,
  DIR_NLINK: 0x20,
  EXTRA_ISIZE: 0x40,
  HAS_SNAPSHOT: 0x80,
  QUOTA: 0x100,
  BIGALLOC: 0x200,
  METADATA_CSUM: 0x400,
  REPLICA: 0x800,
  READONLY: 0x1000,
  PROJECT: 0x2000,
  SHARED_BLOCKS: 0x4000,
  VERITY: 0x8000,
  ORPHAN_PRESENT: 0x10000,
} as const;

/** The three words in which features are recorded. */
export type FeatureWord = "compat" | "incompat" | "roCompat";

/** A feature by its name as mke2fs, tune2fs and dumpe2fs spell it. */
export interface NamedFeature {
  readonly name: string;
  readonly word: FeatureWord;
  readonly mask: number;
}

const compatNames: Record<string, number> = {
  dir_prealloc: Compat.DIR_PREALLOC,
  imagic_inodes: Compat.IMAGIC_INODES,
  has_journal: Compat.HAS_JOURNAL,
  ext_attr: Compat.EXT_ATTR,
  resize_inode: Compat.RESIZE_INODE,
  dir_index: Compat.DIR_INDEX,
  lazy_bg: Compat.LAZY_BG,
  snapshot_bitmap: Compat.EXCLUDE_BITMAP,
  sparse_super2: Compat.SPARSE_SUPER2,
  fast_commit: Compat.FAST_COMMIT,
  stable_inodes: Compat.STABLE_INODES,
  orphan_file: Compat.ORPHAN_FILE,
};

const incompatNames: Record<string, number> = {
  compression: Incompat.COMPRESSION,
  filetype: Incompat.FILETYPE,
  needs_recovery: Incompat.RECOVER,
  journal_dev: Incompat.JOURNAL_DEV,
  meta_bg: Incompat.META_BG,
  extent: Incompat.EXTENTS,
  "64bit": Incompat.BIT64,
  mmp: Incompat.MMP,
  flex_bg: Incompat.FLEX_BG,
  ea_inode: Incompat.EA_INODE,
  dirdata: Incompat.DIRDATA,
  metadata_csum_seed: Incompat.CSUM_SEED,
  large_dir: Incompat.LARGEDIR,
  inline_data: Incompat.INLINE_DATA,
  encrypt: Incompat.ENCRYPT,
  casefold: Incompat.CASEFOLD,
};

const roCompatNames: Record<string, number> = {
  sparse_super: RoCompat.SPARSE_SUPER,
  large_file: RoCompat.LARGE_FILE,
  btree_dir: RoCompat.BTREE_DIR,
  huge_file: RoCompat.HUGE_FILE,
  uninit_bg: RoCompat.GDT_CSUM,
  dir_nlink: RoCompat.DIR_NLINK,
  extra_isize: RoCompat.EXTRA_ISIZE,
  snapshot: RoCompat.HAS_SNAPSHOT,
  quota: RoCompat.QUOTA,
  bigalloc: RoCompat.BIGALLOC,
  metadata_csum: RoCompat.METADATA_CSUM,
  replica: RoCompat.REPLICA,
  "read-only": RoCompat.READONLY,
  project: RoCompat.PROJECT,
  shared_blocks: RoCompat.SHARED_BLOCKS,
  verity: RoCompat.VERITY,
  orphan_present: RoCompat.ORPHAN_PRESENT,
};

const named = (word: FeatureWord, names: Record<string, number>): NamedFeature[] =>
  Object.entries(names).map(([name, mask]) => ({ name, word, mask }));

/** Every feature that has a name. */
export const FEATURES: readonly NamedFeature[] = [
  ...named("compat", compatNames),
  ...named("incompat", incompatNames),
  ...named("roCompat", roCompatNames),
];

/** The names of the bits of one word; bits without a name appear as e2fsprogs prints them, e.g. `FEATURE_I31`. */
export function featureNames(word: FeatureWord, bits: number): string[] {
  const names: string[] = [];
  const letter = { compat: "C", incompat: "I", roCompat: "R" }[word];
  for (let bit = 0; bit < 32; bit++) {
    const mask = (1 << bit) >>> 0;
    if ((bits & mask) === 0) continue;
    const known = FEATURES.find((f) => f.word === word && f.mask === mask);
    names.push(known?.name ?? `FEATURE_${letter}${bit}`);
  }
  return names;
}

/** Looks up a feature by name (aliases of mke2fs included); undefined when there is none. */
export function featureByName(name: string): NamedFeature | undefined {
  const aliases: Record<string, string> = { extents: "extent", gdt_csum: "uninit_bg" };
  const wanted = aliases[name] ?? name;
  return FEATURES.find((f) => f.name === wanted);
}
