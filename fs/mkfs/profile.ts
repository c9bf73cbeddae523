/**
 * Defaults by type and usage: the same as Debian's /etc/mke2fs.conf of e2fsprogs 1.47.0 gives.
 *
 * @module
 */

import { FormatError } from "./format_error.ts";
import type { FileSystemType } from "./options.ts";

/** Choices that follow from type and usage. */
export interface Profile {
  /** Names of what applies, in order: the type, then usage types. */
  readonly names: readonly string[];
  /** Feature names in the order in which they are set. */
  readonly features: readonly string[];
  readonly blockBytes: number;
  readonly inodeRatioBytes: number;
  readonly inodeBytes: number;
}

interface Stanza {
  readonly features?: readonly string[];
  readonly blockBytes?: number;
  readonly inodeRatioBytes?: number;
  readonly inodeBytes?: number;
}

/** s_creator_os of the Hurd. */
export const CREATOR_HURD = 1;

const PAGE_BYTES = 4096;

const BASE_FEATURES = [
  "sparse_super",
  "large_file",
  "filetype",
  "resize_inode",
  "dir_index",
  "ext_attr",
];

const TYPES: Record<FileSystemType, Stanza> = {
  ext2: {},
  ext3: { features: ["has_journal"] },
  ext4: {
    features: [
      "has_journal",
      "extent",
      "huge_file",
      "flex_bg",
      "metadata_csum",
      "64bit",
      "dir_nlink",
      "extra_isize",
    ],
  },
};

const USAGES: Readonly<Record<string, Stanza>> = {
  small: { blockBytes: 1024, inodeRatioBytes: 4096 },
  floppy: { blockBytes: 1024, inodeRatioBytes: 8192 },
  big: { inodeRatioBytes: 32768 },
  huge: { inodeRatioBytes: 65536 },
  news: { inodeRatioBytes: 4096 },
  largefile: { inodeRatioBytes: 1048576, blockBytes: PAGE_BYTES },
  largefile4: { inodeRatioBytes: 4194304, blockBytes: PAGE_BYTES },
  default: {},
};

const HURD: Stanza = { blockBytes: 4096, inodeBytes: 128 };

const MEBIBYTE = 1024 * 1024;

/** The usage type that a size suggests. */
export function usageOfSize(sizeBytes: number): string {
  const mebibytes = sizeBytes / MEBIBYTE;
  if (mebibytes < 3) return "floppy";
  if (mebibytes < 512) return "small";
  if (mebibytes < 4 * MEBIBYTE) return "default";
  return mebibytes < 16 * MEBIBYTE ? "big" : "huge";
}

/**
 * Combines type and usage types; later ones win.
 * @throws FormatError for a usage type that is not known.
 */
export function profileOf(
  type: FileSystemType,
  usage: readonly string[] | undefined,
  sizeBytes: number,
  creatorOs = 0,
): Profile {
  const names = usage === undefined || usage.length === 0 ? [usageOfSize(sizeBytes)] : usage;
  const stanzas: Stanza[] = [TYPES[type]];
  for (const name of names) {
    const stanza = Object.hasOwn(USAGES, name) ? USAGES[name] : undefined;
    if (stanza === undefined) {
      const known = Object.keys(USAGES).join(", ");
      throw new FormatError("usage", `usage type ${name} is not known (known are ${known})`);
    }
    stanzas.push(stanza);
  }
  if (creatorOs === CREATOR_HURD) stanzas.push(HURD);
  const last = (pick: (stanza: Stanza) => number | undefined, otherwise: number): number =>
    stanzas.reduce((value, stanza) => pick(stanza) ?? value, otherwise);
  return {
    names: [
      type,
      ...names.filter((name) => name !== "default"),
      ...(creatorOs === CREATOR_HURD ? ["hurd"] : []),
    ],
    features: [...BASE_FEATURES, ...stanzas.flatMap((stanza) => stanza.features ?? [])],
    blockBytes: last((stanza) => stanza.blockBytes, 4096),
    inodeRatioBytes: last((stanza) => stanza.inodeRatioBytes, 16384),
    inodeBytes: last((stanza) => stanza.inodeBytes, 256),
  };
}
