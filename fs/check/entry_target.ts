/**
 * The inode that a directory entry names.
 *
 * @module
 */

import { FileType, fileTypeOfMode } from "../layout/dirent.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import type { Where } from "./findings.ts";
import { InodeReader } from "./inode_reader.ts";

/** Checks what entries name. */
export class EntryTarget {
  readonly #check: CheckContext;
  readonly #inodes: InodeReader;
  /** Inodes that no directory may name. */
  readonly #hidden: ReadonlySet<number>;

  constructor(check: CheckContext) {
    this.#check = check;
    this.#inodes = new InodeReader(check);
    const { superblock } = check;
    const { userQuotaInode, groupQuotaInode, projectQuotaInode, orphanFileInode } = superblock;
    this.#hidden = new Set([userQuotaInode, groupQuotaInode, projectQuotaInode, orphanFileInode]);
  }

  /** Whether an entry may name this inode at all. */
  isPossible(ino: number): boolean {
    const { firstInode, inodesCount } = this.#check.superblock;
    const isOrdinary = ino === ROOT_INODE || (ino >= firstInode && ino <= inodesCount);
    return isOrdinary && !this.#hidden.has(ino);
  }

  /** Checks that the inode is in use, and that the entry's file type is its. */
  check(ino: number, type: number, where: () => Where): void {
    const { groups, geometry, findings, usedInodes } = this.#check;
    const group = geometry.groupOfInode(ino);
    const firstUnused = (group + 1) * geometry.inodesPerGroup + 1 -
      (groups.unusedInodes[group] as number);
    if (groups.inodeUninit(group)) findings.add("entry_uninit_group", where(), ino);
    else if (ino >= firstUnused) findings.add("entry_never_used", where(), ino);
    if (!usedInodes.has(ino)) findings.add("entry_unused_inode", where(), ino);
    this.#checkType(ino, type, where);
  }

  #checkType(ino: number, type: number, where: () => Where): void {
    const { features, findings } = this.#check;
    if (!features.filetype) {
      if (type !== 0) findings.add("entry_type_feature", where(), type, 0);
      return;
    }
    const expected = this.#typeOf(ino);
    if (type === expected) return;
    findings.add(type === 0 ? "entry_type_unset" : "entry_type", where(), type, expected);
  }

  #typeOf(ino: number): number {
    const { directoryInodes, regularInodes, modelessInodes } = this.#check;
    if (regularInodes.has(ino)) return FileType.REGULAR;
    if (directoryInodes.has(ino)) return FileType.DIRECTORY;
    if (modelessInodes.has(ino)) return FileType.UNKNOWN;
    return fileTypeOfMode(this.#inodes.read(ino)?.mode ?? 0);
  }

  /** Whether the inode must be encrypted in an encrypted directory: not a special file. */
  needsEncryption(ino: number, type: number): boolean {
    const actual = type === FileType.UNKNOWN ? this.#typeOf(ino) : type;
    return actual === FileType.REGULAR || actual === FileType.DIRECTORY ||
      actual === FileType.SYMLINK;
  }

  /** Notes that a directory lies in another; there may be one such entry. */
  setParent(ino: number, parent: number, where: () => Where): void {
    const { directoryInodes, directories, findings } = this.#check;
    if (!directoryInodes.has(ino)) return;
    const known = directories.parents.get(ino);
    if (known === 0) directories.parents.set(ino, parent);
    else findings.add("entry_links_directory", where(), parent, known);
  }
}
