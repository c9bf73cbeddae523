/**
 * Moving inodes out of the groups that leave: each gets another number, and every name and reference is changed with it, in
 * one commit for each inode.
 *
 * Checksums of what an inode owns (extent nodes, directory blocks) begin with its number and its generation. The new
 * number comes with the generation that leads to the same seed, so none of those blocks has to be written.
 *
 * @module
 */

import { viewOf } from "../edit/blocks.ts";
import type { Editor } from "../edit/editor.ts";
import { ENOSPC } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import type { Log } from "../journal/log.ts";
import { crc32cNumber } from "../layout/crc32c.ts";
import {
  direntInode,
  direntProblem,
  direntRecLen,
  hasDirentTail,
  setDirentBlockChecksum,
  setDirentInode,
} from "../layout/dirent.ts";
import { Incompat } from "../layout/features.ts";
import { ROOT_ENTRIES_OFFSET, setHtreeBlockChecksum } from "../layout/htree.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag, type InodeRecord } from "../layout/inode.ts";
import {
  hasIbodyXattrs,
  ibodyXattrStart,
  isLastXattr,
  nextXattr,
  setXattrBlockChecksum,
  XATTR_BLOCK_HEADER_BYTES,
  xattrIndex,
  xattrNameBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";
import type { ResizeProgress } from "./progress.ts";

/** Where an inode's number is written. */
type Place =
  /** In entries of a directory's block. */
  | { readonly kind: "block"; readonly directory: number; readonly block: number }
  /** In entries of a directory that lies in its inode. */
  | { readonly kind: "inline"; readonly directory: number }
  /** In attributes of an inode: the value is another inode's content. */
  | { readonly kind: "inode xattr"; readonly owner: number }
  | { readonly kind: "xattr block"; readonly block: number };

/** Index of e_name_index "system", whose attribute `data` holds the rest of an inline directory. */
const XATTR_SYSTEM = 7;
const DATA_NAME_BYTES = 4;

/** Moves every inode above `lastInode`. */
export class InodeMover {
  readonly #places = new Map<number, Place[]>();
  /** Numbers of inodes that were moved. */
  readonly #moved = new Map<number, number>();

  constructor(
    readonly editor: Editor,
    readonly groupCount: number,
    readonly progress: ResizeProgress,
  ) {}

  get #lastInode(): number {
    return this.groupCount * this.editor.geometry.inodesPerGroup;
  }

  /** @param log decides how much goes into a commit. @throws Unsupported ENOSPC, before anything is changed. */
  run(log: Log | null): void {
    const { editor } = this;
    const leaving = [...editor.usedInodes()].filter((ino) => ino > this.#lastInode);
    if (leaving.length === 0) return;
    let free = 0;
    for (let group = 0; group < this.groupCount; group++) {
      free += editor.groups.get(group).freeInodes;
    }
    if (free < leaving.length) throw new Unsupported(ENOSPC, "there are not enough free inodes");
    this.#findPlaces(leaving.some((ino) => editor.readInode(ino).has(InodeFlag.EA_INODE)));
    leaving.forEach((ino, index) => {
      this.#move(ino);
      editor.commitIfLarge(log);
      this.progress("moving inodes", index + 1, leaving.length);
    });
    editor.commit();
  }

  #move(old: number): void {
    const { editor } = this;
    const inode = editor.readInode(old);
    const hint = editor.geometry.groupOfInode(old) % this.groupCount;
    const number = editor.takeInode(this.groupCount, hint, inode.isDirectory);
    const seed = editor.inodeFormat.checksumSeed;
    inode.ino = number;
    if (seed !== undefined) {
      inode.generation =
        (crc32cNumber(seed, old) ^ crc32cNumber(seed, number) ^ inode.generation) >>> 0;
    }
    editor.writeInode(inode);
    editor.dropInode(old, inode.isDirectory);
    this.#moved.set(old, number);
    for (const place of this.#places.get(old) ?? []) this.#rewrite(place, old, number);
    this.#renameInSuperblock(old, number);
  }

  #renameInSuperblock(old: number, number: number): void {
    const { superblock } = this.editor;
    if (superblock.userQuotaInode === old) superblock.userQuotaInode = number;
    if (superblock.groupQuotaInode === old) superblock.groupQuotaInode = number;
    if (superblock.projectQuotaInode === old) superblock.projectQuotaInode = number;
    if (superblock.orphanFileInode === old) superblock.orphanFileInode = number;
    if (superblock.lostFoundInode === old) superblock.lostFoundInode = number;
  }

  #note(ino: number, place: Place): void {
    if (ino <= this.#lastInode) return;
    const places = this.#places.get(ino);
    if (places === undefined) this.#places.set(ino, [place]);
    else places.push(place);
  }

  /** Finds where numbers of leaving inodes are written. */
  #findPlaces(withValues: boolean): void {
    const { editor } = this;
    const sharedBlocks = new Set<number>();
    const values = withValues && editor.superblock.hasIncompat(Incompat.EA_INODE);
    for (const ino of editor.usedInodes()) {
      if (ino < editor.superblock.firstInode && ino !== 2 && !values) continue;
      const inode = editor.readInode(ino);
      if (inode.links === 0 && ino >= editor.superblock.firstInode) continue;
      if (inode.isDirectory) this.#lookThrough(inode);
      if (!values) continue;
      for (const value of ibodyValues(inode)) {
        this.#note(value.ino, { kind: "inode xattr", owner: ino });
      }
      const block = inode.fileAcl;
      if (block === 0 || sharedBlocks.has(block)) continue;
      sharedBlocks.add(block);
      for (const value of blockValues(editor.blocks.read(block))) {
        this.#note(value.ino, { kind: "xattr block", block });
      }
    }
  }

  #lookThrough(directory: InodeRecord): void {
    const { editor } = this;
    const { blockBytes } = editor.geometry;
    if (directory.has(InodeFlag.INLINE_DATA)) {
      const place: Place = { kind: "inline", directory: directory.ino };
      const seen = new Set<number>();
      for (const { ino } of inlineEntries(directory)) seen.add(ino);
      for (const ino of seen) this.#note(ino, place);
      return;
    }
    for (const run of editor.readMap(directory).runs) {
      for (let i = 0; i < run.blocks && !run.unwritten; i++) {
        const block = run.diskBlock + i;
        const seen = new Set<number>();
        for (
          const { ino } of entries(viewOf(editor.blocks.read(block)), 0, blockBytes, blockBytes)
        ) {
          seen.add(ino);
        }
        for (const ino of seen) {
          this.#note(ino, { kind: "block", directory: directory.ino, block });
        }
      }
    }
  }

  #rewrite(place: Place, old: number, number: number): void {
    if (place.kind === "block") this.#rewriteBlock(place.directory, place.block, old, number);
    else if (place.kind === "xattr block") this.#rewriteXattrBlock(place.block, old, number);
    else {
      const at = place.kind === "inline" ? place.directory : place.owner;
      const inode = this.editor.readInode(this.#moved.get(at) ?? at);
      const found = place.kind === "inline" ? inlineEntries(inode) : ibodyValues(inode);
      const offsets = [...found].filter(({ ino }) => ino === old).map(({ offset }) => offset);
      for (const offset of offsets) inode.view.setUint32(offset, number, true);
      this.editor.writeInode(inode);
    }
  }

  #rewriteBlock(directory: number, block: number, old: number, number: number): void {
    const { editor } = this;
    const bytes = editor.blocks.change(block);
    const view = viewOf(bytes);
    const { blockBytes } = editor.geometry;
    for (const { ino, offset } of entries(view, 0, blockBytes, blockBytes)) {
      if (ino === old) setDirentInode(view, offset, number);
    }
    if (!editor.superblock.hasMetadataChecksums) return;
    const inode = editor.readInode(this.#moved.get(directory) ?? directory);
    if (hasDirentTail(view, blockBytes)) setDirentBlockChecksum(bytes, view, inode.checksumSeed);
    else setHtreeBlockChecksum(bytes, view, ROOT_ENTRIES_OFFSET, inode.checksumSeed);
  }

  #rewriteXattrBlock(block: number, old: number, number: number): void {
    const { editor } = this;
    const bytes = editor.blocks.change(block);
    const view = viewOf(bytes);
    for (const { ino, offset } of [...blockValues(bytes)]) {
      if (ino === old) view.setUint32(offset, number, true);
    }
    if (!editor.superblock.hasMetadataChecksums) return;
    setXattrBlockChecksum(bytes, view, block, editor.superblock.checksumSeed);
  }
}

/** An inode's number, and the byte offset at which it is written. */
interface Reference {
  readonly ino: number;
  readonly offset: number;
}

/** The used entries of a region; it ends at the first that is malformed. */
function* entries(
  view: DataView,
  from: number,
  end: number,
  blockBytes: number,
): Generator<Reference> {
  for (let at = from; at < end;) {
    if (direntProblem(view, at, end, blockBytes, 0xffffffff) !== undefined) return;
    const ino = direntInode(view, at);
    if (ino !== 0) yield { ino, offset: at };
    at += direntRecLen(view, at, blockBytes);
  }
}

/** The parent's number, and the entries in i_block and in the attribute `system.data`. */
function* inlineEntries(inode: InodeRecord): Generator<Reference> {
  const { view, format } = inode;
  const start = I_BLOCK_OFFSET;
  yield { ino: view.getUint32(start, true), offset: start };
  yield* entries(view, start + 4, start + I_BLOCK_BYTES, format.blockBytes);
  if (!hasIbodyXattrs(view, format.inodeBytes, inode.extraBytes)) return;
  const first = ibodyXattrStart(inode.extraBytes);
  for (let at = first; !isLastXattr(view, at, format.inodeBytes); at = nextXattr(view, at)) {
    const isData = xattrIndex(view, at) === XATTR_SYSTEM &&
      xattrNameBytes(view, at) === DATA_NAME_BYTES;
    if (!isData) continue;
    const from = first + xattrValueOffset(view, at);
    const to = Math.min(format.inodeBytes, from + xattrValueSize(view, at));
    if (to > from) yield* entries(view, from, to, format.blockBytes);
  }
}

function* values(view: DataView, first: number, end: number): Generator<Reference> {
  for (let at = first; !isLastXattr(view, at, end); at = nextXattr(view, at)) {
    if (at + 16 > end) return;
    const ino = xattrValueInode(view, at);
    if (ino !== 0) yield { ino, offset: at + 4 };
  }
}

function* ibodyValues(inode: InodeRecord): Generator<Reference> {
  const { view, format } = inode;
  if (!hasIbodyXattrs(view, format.inodeBytes, inode.extraBytes)) return;
  yield* values(view, ibodyXattrStart(inode.extraBytes), format.inodeBytes);
}

function* blockValues(bytes: Uint8Array): Generator<Reference> {
  yield* values(viewOf(bytes), XATTR_BLOCK_HEADER_BYTES, bytes.length);
}
