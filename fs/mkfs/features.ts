/**
 * Choosing features: names set and cleared, and combinations that cannot be.
 *
 * @module
 */

import { Compat, featureByName, featureNames, Incompat, RoCompat } from "../layout/features.ts";
import { FormatError } from "./format_error.ts";

/** The three feature words of a file system to be made. */
export class FeatureSet {
  compat = 0;
  incompat = 0;
  roCompat = 0;

  /** Sets (`name`), clears (`^name` or `-name`) or, for `none`, clears everything. @throws FormatError */
  edit(text: string): void {
    if (text === "") return;
    if (text === "none") {
      this.compat = this.incompat = this.roCompat = 0;
      return;
    }
    const clear = text.startsWith("^") || text.startsWith("-");
    const name = clear || text.startsWith("+") ? text.slice(1) : text;
    const feature = featureByName(name);
    if (feature === undefined) throw new FormatError("features", `feature ${name} is not known`);
    if ((MAKEABLE[feature.word] & feature.mask) === 0) {
      throw new FormatError("features", `feature ${name} cannot be chosen when formatting`);
    }
    const old = this[feature.word];
    this[feature.word] = (clear ? old & ~feature.mask : old | feature.mask) >>> 0;
  }

  hasCompat(mask: number): boolean {
    return (this.compat & mask) !== 0;
  }
  hasIncompat(mask: number): boolean {
    return (this.incompat & mask) !== 0;
  }
  hasRoCompat(mask: number): boolean {
    return (this.roCompat & mask) !== 0;
  }
  setCompat(mask: number, on: boolean): void {
    this.compat = (on ? this.compat | mask : this.compat & ~mask) >>> 0;
  }
  setIncompat(mask: number, on: boolean): void {
    this.incompat = (on ? this.incompat | mask : this.incompat & ~mask) >>> 0;
  }
  setRoCompat(mask: number, on: boolean): void {
    this.roCompat = (on ? this.roCompat | mask : this.roCompat & ~mask) >>> 0;
  }

  /** Clears what the Hurd cannot read. */
  clearHurd(): void {
    this.setIncompat(HURD_INCOMPAT, false);
    this.setRoCompat(HURD_RO_COMPAT, false);
  }
  /** @throws FormatError for a feature that the Hurd cannot read. */
  checkHurd(): void {
    const [name] = [
      ...featureNames("incompat", this.incompat & HURD_INCOMPAT),
      ...featureNames("roCompat", this.roCompat & HURD_RO_COMPAT),
    ];
    if (name === undefined) return;
    throw new FormatError("features", `the Hurd does not support the feature ${name}`);
  }

  /** Group descriptors carry a checksum. */
  get groupChecksums(): boolean {
    return this.hasRoCompat(RoCompat.METADATA_CSUM | RoCompat.GDT_CSUM);
  }
}

const HURD_INCOMPAT = Incompat.FILETYPE | Incompat.EA_INODE | Incompat.CASEFOLD;
const HURD_RO_COMPAT = RoCompat.HUGE_FILE | RoCompat.METADATA_CSUM;

const MAKEABLE = {
  compat: Compat.HAS_JOURNAL | Compat.RESIZE_INODE | Compat.DIR_INDEX | Compat.EXT_ATTR |
    Compat.SPARSE_SUPER2 | Compat.FAST_COMMIT | Compat.STABLE_INODES | Compat.ORPHAN_FILE,
  incompat: Incompat.FILETYPE | Incompat.EXTENTS | Incompat.JOURNAL_DEV | Incompat.META_BG |
    Incompat.FLEX_BG | Incompat.EA_INODE | Incompat.MMP | Incompat.BIT64 | Incompat.INLINE_DATA |
    Incompat.ENCRYPT | Incompat.CASEFOLD | Incompat.CSUM_SEED | Incompat.LARGEDIR,
  roCompat: RoCompat.LARGE_FILE | RoCompat.HUGE_FILE | RoCompat.DIR_NLINK | RoCompat.EXTRA_ISIZE |
    RoCompat.SPARSE_SUPER | RoCompat.GDT_CSUM | RoCompat.BIGALLOC | RoCompat.QUOTA |
    RoCompat.METADATA_CSUM | RoCompat.PROJECT | RoCompat.VERITY,
} as const;

interface Rule {
  readonly broken: (features: FeatureSet) => boolean;
  readonly message: string;
}

const RULES: readonly Rule[] = [
  {
    broken: (f) => f.hasIncompat(Incompat.BIT64) && !f.hasIncompat(Incompat.EXTENTS),
    message: "the feature 64bit needs extent",
  },
  {
    broken: (f) => f.hasRoCompat(RoCompat.BIGALLOC) && !f.hasIncompat(Incompat.EXTENTS),
    message: "the feature bigalloc needs extent",
  },
  {
    broken: (f) => f.hasIncompat(Incompat.META_BG) && f.hasCompat(Compat.RESIZE_INODE),
    message: "the features meta_bg and resize_inode exclude each other",
  },
  {
    broken: (f) => f.hasCompat(Compat.RESIZE_INODE) && !f.hasRoCompat(RoCompat.SPARSE_SUPER),
    message: "the feature resize_inode needs sparse_super",
  },
  {
    broken: (f) => f.hasIncompat(Incompat.CSUM_SEED) && !f.hasRoCompat(RoCompat.METADATA_CSUM),
    message: "the feature metadata_csum_seed needs metadata_csum",
  },
  {
    broken: (f) => f.hasCompat(Compat.ORPHAN_FILE) && !f.hasCompat(Compat.HAS_JOURNAL),
    message: "the feature orphan_file needs has_journal",
  },
  {
    broken: (f) => f.hasCompat(Compat.FAST_COMMIT) && !f.hasCompat(Compat.HAS_JOURNAL),
    message: "the feature fast_commit needs has_journal",
  },
];

/** @throws FormatError for a combination that cannot be. */
export function checkFeatures(features: FeatureSet): void {
  if (features.hasIncompat(Incompat.JOURNAL_DEV)) return;
  const broken = RULES.find((rule) => rule.broken(features));
  if (broken !== undefined) throw new FormatError("features", broken.message);
}
