/**
 * Setting and clearing features: what each needs, and what changes with it.
 *
 * @module
 */

import type { Editor } from "../edit/editor.ts";
import { EINVAL } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { ENCODING_STRICT, ENCODING_UTF8_12_1 } from "../layout/casefold.ts";
import { HashVersion } from "../layout/dir_hash.ts";
import { Compat, featureByName, Incompat, RoCompat } from "../layout/features.ts";
import { InodeFlag, type InodeRecord } from "../layout/inode.ts";
import { FLAG_SIGNED_HASH, FLAG_UNSIGNED_HASH } from "../layout/superblock.ts";
import { removeResizeInode } from "../resize/resize_inode.ts";
import { dropIndex } from "./directory_seals.ts";
import { clearChecksums, clearGroupChecksums, setGroupChecksums } from "./group_checksums.ts";
import {
  addJournal,
  addMmp,
  addOrphanFile,
  addQuota,
  removeJournal,
  removeMmp,
  removeOrphanFile,
  removeQuota,
} from "./hidden_files.ts";
import type { TuneOptions } from "./options.ts";
import { directoryBlocks, reseal, type TuneProgress } from "./reseal.ts";

/** What a change of features works with. */
export interface FeatureWork {
  readonly editor: Editor;
  readonly options: TuneOptions;
  readonly progress: TuneProgress;
}

type Change = (work: FeatureWork) => void;

/** How a feature is set and cleared; what is left out cannot be done. */
interface FeatureChange {
  readonly set?: Change;
  readonly clear?: Change;
}

const LARGE_FILE_BYTES = 2 ** 31;
const LARGE_SECTORS = 2 ** 32;
const PROJECT_INODE_BYTES = 256;

function refuse(message: string): Unsupported {
  return new Unsupported(EINVAL, message);
}

/** Does nothing but what the flag says; the flag is changed by the caller. */
const plain: Change = () => {};

/** Refuses while an inode is in use that needs the feature. */
const unless = (needs: (inode: InodeRecord) => boolean, what: string): Change => ({ editor }) => {
  for (const ino of editor.usedInodes()) {
    if (ino < editor.superblock.firstInode && ino !== 2) continue;
    if (needs(editor.readInode(ino))) throw refuse(`${what} (inode ${ino})`);
  }
};

/** Refuses without another feature. */
const needing = (has: (work: FeatureWork) => boolean, message: string): Change => (work) => {
  if (!has(work)) throw refuse(message);
};

const hasJournal = ({ editor }: FeatureWork): boolean =>
  editor.superblock.hasCompat(Compat.HAS_JOURNAL);

/** In the order in which changes are made: what others need comes first when set, last when cleared. */
const CHANGES: Readonly<Record<string, FeatureChange>> = {
  has_journal: {
    set: ({ editor, options }) => addJournal(editor, options.journalBytes),
    clear: ({ editor }) => {
      const { superblock } = editor;
      if (superblock.hasCompat(Compat.ORPHAN_FILE | Compat.FAST_COMMIT)) {
        throw refuse("orphan_file and fast_commit need has_journal: clear them, too");
      }
      removeJournal(editor);
    },
  },
  dir_index: { set: prepareIndexes, clear: dropIndexes },
  fast_commit: { set: needing(hasJournal, "fast_commit needs has_journal"), clear: plain },
  stable_inodes: { set: plain },
  orphan_file: {
    set: ({ editor, options }) => addOrphanFile(editor, options.orphanFileBytes),
    clear: ({ editor }) => removeOrphanFile(editor),
  },
  resize_inode: { clear: clearResizeInode },
  large_file: {
    set: plain,
    clear: unless((inode) => inode.isRegular && inode.size >= LARGE_FILE_BYTES, "a file is large"),
  },
  huge_file: {
    set: plain,
    clear: unless(
      (inode) => inode.has(InodeFlag.HUGE_FILE) || inode.sectors >= LARGE_SECTORS,
      "a file is huge",
    ),
  },
  dir_nlink: {
    set: plain,
    clear: unless(
      (inode) => inode.isDirectory && inode.links === 1,
      "a directory has more links than are counted",
    ),
  },
  extra_isize: {
    set: needing(
      ({ editor }) => editor.geometry.inodeBytes > 128,
      "inodes of 128 bytes have no extra fields",
    ),
    clear: plain,
  },
  extent: {
    set: plain,
  },
  ea_inode: { set: plain },
  encrypt: {
    set: ({ editor }) => {
      // s_encrypt_algos: AES-256-XTS for contents, AES-256-CTS for names.
      editor.superblock.bytes.set([1, 4], 0x254);
    },
  },
  verity: {
    set: needing(
      ({ editor }) => editor.superblock.hasIncompat(Incompat.EXTENTS),
      "verity needs extent",
    ),
  },
  large_dir: { set: plain },
  "read-only": { set: plain, clear: plain },
  flex_bg: { set: plain, clear: clearFlexibleGroups },
  casefold: {
    set: ({ editor, options }) => {
      editor.superblock.encoding = ENCODING_UTF8_12_1;
      editor.superblock.encodingFlags = options.strictEncoding === true ? ENCODING_STRICT : 0;
    },
    clear: (work) => {
      unless((inode) => inode.has(InodeFlag.CASEFOLD), "a directory has casefold")(work);
      work.editor.superblock.encoding = work.editor.superblock.encodingFlags = 0;
    },
  },
  uninit_bg: { set: setGroupChecksums, clear: clearGroupChecksums },
  metadata_csum: {
    set: ({ editor, progress }) =>
      reseal(editor, () => {
        const { superblock } = editor;
        superblock.featureRoCompat = (superblock.featureRoCompat & ~RoCompat.GDT_CSUM) >>> 0;
        superblock.featureRoCompat |= RoCompat.METADATA_CSUM;
        superblock.checksumType = 1;
      }, progress),
    clear: clearChecksums,
  },
  metadata_csum_seed: {
    set: ({ editor }) => {
      if (!editor.superblock.hasMetadataChecksums) {
        throw refuse("metadata_csum_seed needs metadata_csum");
      }
      editor.superblock.checksumSeedRaw = editor.superblock.checksumSeed;
    },
    clear: ({ editor, progress }) => {
      mustNotHashValues(editor);
      const { superblock } = editor;
      reseal(editor, () => {
        superblock.featureIncompat = (superblock.featureIncompat & ~Incompat.CSUM_SEED) >>> 0;
        superblock.checksumSeedRaw = 0;
      }, progress);
    },
  },
  project: {
    set: ({ editor }) => {
      if (editor.geometry.inodeBytes < PROJECT_INODE_BYTES) {
        throw refuse("inodes have no room for a project: they need 256 bytes");
      }
      const keeps = editor.superblock.hasRoCompat(RoCompat.QUOTA);
      if (keeps) addQuota(editor, "project");
    },
    clear: ({ editor }) => removeQuota(editor, "project"),
  },
  quota: {
    set: ({ editor }) => {
      addQuota(editor, "user");
      addQuota(editor, "group");
      if (editor.superblock.hasRoCompat(RoCompat.PROJECT)) addQuota(editor, "project");
    },
    clear: ({ editor }) => {
      removeQuota(editor, "user");
      removeQuota(editor, "group");
      removeQuota(editor, "project");
    },
  },
  mmp: { set: ({ editor }) => addMmp(editor), clear: ({ editor }) => removeMmp(editor) },
};

/** A feature to be set or cleared. */
interface Wanted {
  readonly name: string;
  readonly set: boolean;
}

/** Reads `name`, `+name`, `^name` and `-name`. @throws Unsupported EINVAL */
function wantedOf(text: string): Wanted {
  const set = !text.startsWith("^") && !text.startsWith("-");
  const word = set && !text.startsWith("+") ? text : text.slice(1);
  const feature = featureByName(word);
  if (feature === undefined) throw refuse(`feature ${word} is not known`);
  const change = Object.hasOwn(CHANGES, feature.name) ? CHANGES[feature.name] : undefined;
  if ((set ? change?.set : change?.clear) === undefined) {
    throw refuse(
      `feature ${word} cannot be ${set ? "set" : "cleared"} once the file system is made`,
    );
  }
  return { name: feature.name, set };
}

/** Changes features. @throws Unsupported naming the one that cannot be changed. */
export function changeFeatures(work: FeatureWork): void {
  const wanted = (work.options.features ?? []).filter((text) => text !== "").map(wantedOf);
  const order = Object.keys(CHANGES);
  const place = ({ name }: Wanted): number => order.indexOf(name);
  const cleared = wanted.filter(({ set }) => !set).sort((a, b) => place(b) - place(a));
  const set = wanted.filter(({ set }) => set).sort((a, b) => place(a) - place(b));
  for (const { name } of [...cleared, ...set]) {
    changeOne(
      work,
      name,
      set.some((one) => one.name === name),
    );
  }
}

function changeOne(work: FeatureWork, name: string, on: boolean): void {
  const feature = featureByName(name);
  const change = on ? CHANGES[name]?.set : CHANGES[name]?.clear;
  if (feature === undefined || change === undefined) return;
  const { superblock } = work.editor;
  const field = {
    compat: "featureCompat",
    incompat: "featureIncompat",
    roCompat: "featureRoCompat",
  } as const;
  const key = field[feature.word];
  if (((superblock[key] & feature.mask) !== 0) === on) return;
  change(work);
  const bits = superblock[key];
  superblock[key] = (on ? bits | feature.mask : bits & ~feature.mask) >>> 0;
}

function prepareIndexes({ editor }: FeatureWork): void {
  const { superblock } = editor;
  if (superblock.defaultHashVersion === HashVersion.LEGACY) {
    superblock.defaultHashVersion = HashVersion.HALF_MD4;
  }
  if ((superblock.flags & (FLAG_SIGNED_HASH | FLAG_UNSIGNED_HASH)) === 0) {
    superblock.flags |= FLAG_SIGNED_HASH;
  }
  const seed = superblock.bytes.subarray(0xec, 0xfc);
  if (seed.every((byte) => byte === 0)) {
    crypto.getRandomValues(new Uint8Array(16)).forEach((byte, i) => seed[i] = byte);
  }
}

/** Directories become linear ones. */
function dropIndexes({ editor }: FeatureWork): void {
  const checked = editor.superblock.hasMetadataChecksums;
  for (const ino of editor.usedInodes()) {
    const inode = editor.readInode(ino);
    if (!inode.isDirectory || !inode.has(InodeFlag.INDEX)) continue;
    if (inode.has(InodeFlag.CASEFOLD) && inode.has(InodeFlag.ENCRYPT)) {
      throw refuse(`directory inode ${ino} needs its index`);
    }
    dropIndex(directoryBlocks(editor, inode), checked ? inode.checksumSeed : undefined);
    inode.setFlag(InodeFlag.INDEX, false);
    editor.writeInode(inode);
  }
}

/** The blocks that were kept for descriptors become free. */
function clearResizeInode({ editor }: FeatureWork): void {
  const { superblock, groups } = editor;
  const before = Array.from(
    { length: editor.geometry.groupCount },
    (_, group) => editor.baseBlocks(group),
  );
  before.forEach((blocks, group) => {
    if (blocks > 1) groups.changeBlockBitmap(group);
  });
  removeResizeInode(editor);
  superblock.reservedGdtBlocks = 0;
  groups.refresh();
  before.forEach((blocks, group) => {
    const now = editor.baseBlocks(group);
    const first = editor.geometry.groupFirstBlock(group);
    if (now < blocks) editor.mark(first + now, blocks - now, false);
  });
}

function clearFlexibleGroups({ editor }: FeatureWork): void {
  const { geometry, groups } = editor;
  for (let group = 0; group < geometry.groupCount; group++) {
    const { blockBitmap, inodeBitmap, inodeTable } = groups.get(group);
    const last = inodeTable + geometry.inodeTableBlocks - 1;
    const own = [blockBitmap, inodeBitmap, inodeTable, last]
      .every((block) => geometry.groupOfBlock(block) === group);
    if (!own) throw refuse("bitmaps or inode tables lie outside of their groups (flex_bg)");
  }
  editor.superblock.logGroupsPerFlex = 0;
}

/** Hashes of values that lie in inodes of their own begin with the seed. */
export function mustNotHashValues(editor: Editor): void {
  if (!editor.superblock.hasIncompat(Incompat.EA_INODE)) return;
  for (const ino of editor.usedInodes()) {
    if (ino < editor.superblock.firstInode) continue;
    if (!editor.readInode(ino).has(InodeFlag.EA_INODE)) continue;
    throw refuse(
      "attributes in inodes of their own depend on the UUID: set metadata_csum_seed first",
    );
  }
}
