/**
 * The entries of directories: their shape, their names, and the inodes that they name.
 *
 * @module
 */

import { ENCODING_STRICT, foldName, isValidName, MAX_FOLDED_BYTES } from "../layout/casefold.ts";
import { DirHasher, HashVersion } from "../layout/dir_hash.ts";
import {
  DIRENT_HASH_BYTES,
  direntBytes,
  direntFileType,
  direntInode,
  direntNameLen,
  direntRecLen,
  MIN_DIRENT_BYTES,
} from "../layout/dirent.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import { DirectoryFlag } from "./directory_list.ts";
import { EntryTarget } from "./entry_target.ts";
import type { HtreeMap } from "./htree_map.ts";
import { NameSet } from "./name_set.ts";

const NAME = 8;
const DOT = 0x2e;
const SLASH = 0x2f;
/** Shortest name that encryption makes. */
const CRYPTO_BLOCK_BYTES = 16;
const HEADER_BYTES = 8;

/** A block of entries, or a part of an inline directory. */
export interface EntryBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the entries end. */
  readonly end: number;
  readonly fileBlock: number;
  readonly diskBlock: number;
  readonly index?: HtreeMap | undefined;
  /** Where the entries begin; 0 unless given. */
  readonly start?: number;
  /** The first entry is neither "." nor "..". */
  readonly withoutDots?: boolean;
}

const decoder = new TextDecoder();

/** Checks the entries of one directory after the other. */
export class EntryChecker {
  readonly #check: CheckContext;
  readonly #names: NameSet;
  readonly #hasher: DirHasher;
  readonly #target: EntryTarget;
  readonly #folded = new Uint8Array(MAX_FOLDED_BYTES);
  #ino = 0;
  #policy = 0;
  #folds = false;
  /** Entries carry their hash behind the name. */
  #hashInEntry = false;
  #checksEncoding = false;

  constructor(check: CheckContext) {
    this.#check = check;
    this.#names = new NameSet(check.reader);
    const { superblock } = check;
    const seed = (i: number): number => superblock.hashSeed(i);
    this.#hasher = new DirHasher(seed(0), seed(1), seed(2), seed(3));
    this.#target = new EntryTarget(check);
  }

  /** Starts a directory. @param flags `DirectoryFlag` bits. */
  begin(ino: number, flags: number): void {
    this.#ino = ino;
    this.#policy = this.#check.policies.get(ino);
    this.#folds = (flags & DirectoryFlag.CASEFOLD) !== 0 && this.#check.features.casefold;
    this.#hashInEntry = this.#folds && this.#policy !== 0;
    const strict = (this.#check.superblock.encodingFlags & ENCODING_STRICT) !== 0;
    this.#checksEncoding = this.#folds && strict;
    this.#names.begin(this.#folds && this.#policy === 0);
  }

  /** Checks all entries of a block. */
  checkBlock(block: EntryBlock): void {
    const { view, end } = block;
    const { blockBytes } = this.#check.geometry;
    let offset = block.start ?? 0;
    let position = block.fileBlock === 0 && block.withoutDots !== true ? 0 : 2;
    while (offset < end) {
      const extra = position > 1 && this.#hashInEntry ? DIRENT_HASH_BYTES : 0;
      const room = end - offset;
      const recLen = room < HEADER_BYTES
        ? MIN_DIRENT_BYTES
        : direntRecLen(view, offset, blockBytes);
      const needed = room < HEADER_BYTES ? 0 : direntBytes(direntNameLen(view, offset)) + extra;
      const smallest = MIN_DIRENT_BYTES + extra;
      if (recLen > room || recLen < smallest || recLen % 4 !== 0 || needed > recLen) {
        this.#check.findings.add("directory_entry", this.#where(block, offset), recLen);
        return;
      }
      this.#entry(block, offset, recLen, position);
      offset += recLen;
      position++;
    }
  }

  #where(block: EntryBlock, offset: number, name?: string) {
    return {
      inode: this.#ino,
      fileBlock: block.fileBlock,
      offset,
      ...(name === undefined ? {} : { name }),
    };
  }

  /** The name for a message. */
  #name(block: EntryBlock, offset: number): string {
    const length = direntNameLen(block.view, offset);
    return decoder.decode(block.bytes.subarray(offset + NAME, offset + NAME + length));
  }

  #entry(block: EntryBlock, offset: number, recLen: number, position: number): void {
    const { view } = block;
    const ino = direntInode(view, offset);
    const { findings } = this.#check;
    if (position === 0) this.#dot(block, offset, recLen);
    else if (position === 1) this.#dotDot(block, offset);
    else if (ino === this.#ino && ino !== 0) {
      findings.add("entry_links_self", this.#where(block, offset, this.#name(block, offset)));
    }
    if (ino === 0) return;
    const where = () => this.#where(block, offset, this.#name(block, offset));
    if (!this.#target.isPossible(ino)) {
      findings.add("entry_inode", where(), ino);
      return;
    }
    if (position > 1) this.#checkPlace(block, offset, ino);
    const type = direntFileType(view, offset);
    this.#target.check(ino, type, where);
    this.#checkName(block, offset, position, ino);
    this.#addHash(block, offset, position);
    if (position > 1) this.#target.setParent(ino, this.#ino, where);
    if (block.diskBlock !== 0) this.#checkDuplicate(block, offset);
    this.#check.countedLinks.increment(ino);
  }

  /** e2fsck looks for duplicates within one block, and regards case only where the encoding is strict. */
  #checkDuplicate(block: EntryBlock, offset: number): void {
    const other = this.#names.add(block.bytes, offset, block.diskBlock);
    if (other === undefined) return;
    const isNear = other === block.diskBlock && (this.#checksEncoding || !this.#folds);
    const code = isNear ? "entry_duplicate" : "entry_duplicate_elsewhere";
    this.#check.findings.add(code, this.#where(block, offset, this.#name(block, offset)));
  }

  /** Names and targets that only the first two entries may have. */
  #checkPlace(block: EntryBlock, offset: number, ino: number): void {
    const { findings } = this.#check;
    const length = direntNameLen(block.view, offset);
    const first = block.bytes[offset + NAME];
    const second = block.bytes[offset + NAME + 1];
    const where = () => this.#where(block, offset, this.#name(block, offset));
    if (length === 1 && first === DOT) findings.add("dot_duplicate", where());
    else if (length === 2 && first === DOT && second === DOT) {
      findings.add("dot_dot_duplicate", where());
    } else if (ino === ROOT_INODE) findings.add("entry_links_root", where());
    else if (length === 0) findings.add("entry_no_name", where());
  }

  #dot(block: EntryBlock, offset: number, recLen: number): void {
    const { bytes, view } = block;
    const { findings } = this.#check;
    const ino = direntInode(view, offset);
    const where = { inode: this.#ino };
    if (ino === 0) findings.add("dot_missing", where);
    else if (direntNameLen(view, offset) !== 1 || bytes[offset + NAME] !== DOT) {
      findings.add("dot_not_first", where, this.#name(block, offset));
    } else if (bytes[offset + NAME + 1] !== 0) findings.add("dot_termination", where);
    if (ino !== this.#ino) findings.add("dot_inode", where, ino, this.#ino);
    if (recLen > 2 * MIN_DIRENT_BYTES) findings.add("dot_big", where, recLen, MIN_DIRENT_BYTES);
  }

  #dotDot(block: EntryBlock, offset: number): void {
    const { bytes, view } = block;
    const { findings, directories } = this.#check;
    const where = { inode: this.#ino };
    const isDots = direntNameLen(view, offset) === 2 && bytes[offset + NAME] === DOT &&
      bytes[offset + NAME + 1] === DOT;
    if (direntInode(view, offset) === 0) findings.add("dot_dot_missing", where);
    else if (!isDots) findings.add("dot_dot_not_second", where, this.#name(block, offset));
    else {
      if (bytes[offset + NAME + 2] !== 0) findings.add("dot_dot_termination", where);
      directories.dotDots.set(this.#ino, direntInode(view, offset));
    }
  }

  #checkName(block: EntryBlock, offset: number, position: number, ino: number): void {
    const { bytes, view } = block;
    const { findings } = this.#check;
    const length = direntNameLen(view, offset);
    const start = offset + NAME;
    if (this.#policy !== 0) {
      if (position > 1) this.#checkEncrypted(block, offset, length, ino);
      return;
    }
    for (let i = start; i < start + length; i++) {
      if (bytes[i] === 0 || bytes[i] === SLASH) {
        findings.add("entry_name", this.#where(block, offset, this.#name(block, offset)));
        break;
      }
    }
    if (this.#checksEncoding && !isValidName(bytes.subarray(start, start + length))) {
      findings.add("entry_encoding", this.#where(block, offset));
    }
  }

  #checkEncrypted(block: EntryBlock, offset: number, length: number, ino: number): void {
    const { findings } = this.#check;
    const where = this.#where(block, offset);
    if (length < CRYPTO_BLOCK_BYTES) findings.add("entry_encrypted_short", where, length);
    const policy = this.#check.policies.get(ino);
    if (policy === this.#policy) return;
    if (policy !== 0) findings.add("entry_policy", where, ino);
    else if (this.#target.needsEncryption(ino, direntFileType(block.view, offset))) {
      findings.add("entry_unencrypted", where, ino);
    }
  }

  #addHash(block: EntryBlock, offset: number, position: number): void {
    const { bytes, view, index, fileBlock } = block;
    if (index === undefined) return;
    const length = direntNameLen(view, offset);
    const start = offset + NAME;
    if (index.hashVersion === HashVersion.SIPHASH) {
      if (position <= 1) return;
      const at = start + ((length + 3) & ~3);
      if (at + 4 <= bytes.length) index.addHash(fileBlock, view.getUint32(at, true));
      return;
    }
    const end = start + length;
    const folded = this.#folds ? foldName(bytes, start, end, this.#folded) : -1;
    const hash = folded >= 0
      ? this.#hasher.hash(index.hashVersion, this.#folded, 0, folded)
      : this.#hasher.hash(index.hashVersion, bytes, start, end);
    if (hash >= 0) index.addHash(fileBlock, hash);
  }
}
