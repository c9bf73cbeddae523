/** Which features an image may have to be opened. @module */

import { EINVAL, EROFS } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { ENCODING_UTF8_12_1 } from "../layout/casefold.ts";
import { featureNames, Incompat, RoCompat } from "../layout/features.ts";
import type { Superblock } from "../layout/superblock.ts";

/** Incompatible features with which an image can be opened. */
const KNOWN_INCOMPAT = Incompat.FILETYPE | Incompat.RECOVER | Incompat.META_BG | Incompat.EXTENTS |
  Incompat.BIT64 | Incompat.MMP | Incompat.FLEX_BG | Incompat.EA_INODE | Incompat.CSUM_SEED |
  Incompat.LARGEDIR | Incompat.INLINE_DATA | Incompat.ENCRYPT | Incompat.CASEFOLD;
/** Read-only-compatible features with which an image can be changed. */
const WRITABLE = RoCompat.SPARSE_SUPER | RoCompat.LARGE_FILE | RoCompat.HUGE_FILE |
  RoCompat.GDT_CSUM | RoCompat.DIR_NLINK | RoCompat.EXTRA_ISIZE | RoCompat.BIGALLOC |
  RoCompat.METADATA_CSUM | RoCompat.QUOTA | RoCompat.PROJECT | RoCompat.VERITY |
  RoCompat.ORPHAN_PRESENT;

/** @throws Unsupported naming the features with which the image cannot be opened so. */
export function checkFeatures(superblock: Superblock, readOnly: boolean): void {
  const unknown = superblock.featureIncompat & ~KNOWN_INCOMPAT;
  if (unknown !== 0) {
    const names = featureNames("incompat", unknown).join(", ");
    throw new Unsupported(EROFS, `features that kfs does not know: ${names}`);
  }
  if (superblock.hasIncompat(Incompat.CASEFOLD) && superblock.encoding !== ENCODING_UTF8_12_1) {
    throw new Unsupported(EINVAL, `encoding ${superblock.encoding} of names is not known to kfs`);
  }
  if (!readOnly) checkWritable(superblock);
}

function checkWritable(superblock: Superblock): void {
  const only = "it can only be read (mount with -o ro)";
  if (superblock.hasRoCompat(RoCompat.SHARED_BLOCKS)) {
    throw new Unsupported(EROFS, `its files share blocks (shared_blocks): ${only}`);
  }
  if (superblock.hasRoCompat(RoCompat.READONLY)) {
    throw new Unsupported(EROFS, `it is marked as read-only (feature read-only): ${only}`);
  }
  const names = featureNames("roCompat", superblock.featureRoCompat & ~WRITABLE);
  if (names.length === 0) return;
  throw new Unsupported(
    EROFS,
    `features with which kfs can only read (mount with -o ro): ${names.join(", ")}`,
  );
}
