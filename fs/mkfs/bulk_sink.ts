/**
 * Putting a tree into a file system while it is being made: inodes and blocks are handed out one after
 * the other, and everything is written once.
 *
 * @module
 */

import { EFBIG, EMLINK, ENAMETOOLONG, ENOSPC, EOPNOTSUPP } from "../errno.ts";
import { FsError } from "../errors.ts";
import { writeDevice } from "../layout/device_number.ts";
import { FileType, fileTypeOfMode } from "../layout/dirent.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import {
  I_BLOCK_BYTES,
  I_BLOCK_OFFSET,
  type InodeRecord,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { DirectoryBuilder, EntryList } from "./bulk_directory.ts";
import { FileWriter } from "./bulk_file.ts";
import { type StoredXattr, storedXattr, storeXattrs } from "./bulk_xattrs.ts";
import { CombiningDevice } from "./combining_device.ts";
import type { Maker } from "./maker.ts";
import type { Fill } from "./options.ts";
import type { NodeAttributes, NodeTime, TreeSink } from "./populate.ts";
import type { InodeTables } from "./write_out.ts";

const MAX_LINKS = 65000;
const LARGE_FILE_BYTES = 2 ** 31;
const ROOT_MODE = 0o755;

interface Directory {
  readonly inode: InodeRecord;
  readonly parent: number;
  readonly entries: EntryList;
  /** Blocks that it has already. */
  readonly blocks: readonly number[];
  subdirectories: number;
}

/** Fills a file system in the making. Directories are written when their attributes are set. */
export class BulkSink implements TreeSink {
  readonly root = ROOT_INODE;
  readonly #maker: Maker;
  readonly #device: CombiningDevice;
  readonly #tables: InodeTables;
  readonly #file: FileWriter;
  /** Directories that are not written yet, and inodes that may get further names. */
  readonly #directories = new Map<number, Directory>();
  readonly #shared = new Map<number, InodeRecord>();
  #node: InodeRecord | undefined;
  /** Serves all nodes that have one name and nothing below them, one after the other. */
  readonly #leaf: InodeRecord;
  #xattrs: StoredXattr[] = [];
  readonly #hasTypes: boolean;

  /** @param tables where complete inodes go. */
  constructor(maker: Maker, tables: InodeTables) {
    this.#maker = maker;
    this.#tables = tables;
    this.#device = new CombiningDevice(maker.writer.device);
    this.#file = new FileWriter(maker, this.#device);
    this.#leaf = maker.blankInode(0, 0);
    this.#hasTypes = maker.superblock.hasIncompat(Incompat.FILETYPE);
    const { root, lostFound } = maker;
    this.#addDirectory(root.inode, ROOT_INODE, root.blocks);
    this.#addDirectory(lostFound.inode, ROOT_INODE, lostFound.blocks);
    const entry = this.#hasTypes ? FileType.DIRECTORY : FileType.UNKNOWN;
    this.#directory(ROOT_INODE).entries.add(LOST_FOUND, lostFound.inode.ino, entry);
    this.#directory(ROOT_INODE).subdirectories = 1;
  }

  #addDirectory(inode: InodeRecord, parent: number, blocks: readonly number[]): void {
    const entries = new EntryList();
    this.#directories.set(inode.ino, { inode, parent, entries, blocks, subdirectories: 0 });
  }

  #directory(ino: number): Directory {
    const directory = this.#directories.get(ino);
    if (directory === undefined) throw new RangeError(`directory ${ino} is not open`);
    return directory;
  }

  find(parent: number, name: Uint8Array): number {
    const same = parent === ROOT_INODE && LOST_FOUND.every((byte, i) => byte === name[i]);
    return same && name.length === LOST_FOUND.length ? this.#maker.lostFound.inode.ino : 0;
  }

  makeDirectory(parent: number, name: Uint8Array): number {
    const above = this.#directory(parent);
    const manyLinks = this.#maker.superblock.hasRoCompat(RoCompat.DIR_NLINK);
    if (above.subdirectories >= MAX_LINKS - 2 && !manyLinks) return -EMLINK;
    return attempt(() => {
      const inode = this.#newInode(parent, name, S_IFDIR | ROOT_MODE, true, undefined);
      this.#addDirectory(inode, parent, []);
      above.subdirectories++;
      return inode.ino;
    });
  }

  makeNode(
    parent: number,
    name: Uint8Array,
    mode: number,
    rdev: number,
    shared: boolean,
  ): number {
    return attempt(() => {
      const used = shared ? undefined : this.#leaf;
      const inode = this.#newInode(parent, name, mode, false, used);
      const type = mode & S_IFMT;
      if (type === S_IFREG) this.#file.start(inode);
      else if (type === S_IFCHR || type === S_IFBLK) writeDevice(inode.view, I_BLOCK_OFFSET, rdev);
      if (shared) this.#shared.set(inode.ino, inode);
      return inode.ino;
    });
  }

  makeSymlink(parent: number, name: Uint8Array, target: Uint8Array, shared: boolean): number {
    if (target.length >= Math.min(this.#maker.blockBytes, 4096)) return -ENAMETOOLONG;
    return attempt(() => {
      const used = shared ? undefined : this.#leaf;
      const inode = this.#newInode(parent, name, S_IFLNK | 0o777, false, used);
      if (target.length < I_BLOCK_BYTES) inode.raw.set(target, I_BLOCK_OFFSET);
      else {
        this.#file.start(inode);
        this.#file.write(0, target);
        this.#file.finish();
      }
      inode.size = target.length;
      if (shared) this.#shared.set(inode.ino, inode);
      return inode.ino;
    });
  }

  #newInode(
    parent: number,
    name: Uint8Array,
    mode: number,
    isDirectory: boolean,
    used: InodeRecord | undefined,
  ): InodeRecord {
    const maker = this.#maker;
    const directory = this.#directory(parent);
    const inode = maker.blankInode(maker.space.allocateInode(isDirectory), mode, used);
    directory.entries.add(name, inode.ino, this.#hasTypes ? fileTypeOfMode(mode) : 0);
    this.#node = inode;
    this.#xattrs = [];
    return inode;
  }

  link(ino: number, parent: number, name: Uint8Array): number {
    const inode = this.#shared.get(ino);
    if (inode === undefined) throw new RangeError(`inode ${ino} was not announced as shared`);
    if (inode.links >= MAX_LINKS) return -EMLINK;
    const type = this.#hasTypes ? fileTypeOfMode(inode.mode) : FileType.UNKNOWN;
    this.#directory(parent).entries.add(name, ino, type);
    inode.links++;
    return 0;
  }

  write(ino: number, offset: number, bytes: Uint8Array): number {
    const inode = this.#current(ino);
    if (offset + bytes.length > this.#file.maxBytes) return -EFBIG;
    return attempt(() => {
      this.#file.write(offset, bytes);
      inode.size = Math.max(inode.size, offset + bytes.length);
      return bytes.length;
    });
  }

  reserve(ino: number, offset: number, length: number): number {
    if (offset + length > this.#file.maxBytes) return -EFBIG;
    this.#current(ino);
    return attempt(() => {
      this.#file.reserve(offset, length);
      return 0;
    });
  }

  setSize(ino: number, size: number): number {
    if (size > this.#file.maxBytes) return -EFBIG;
    this.#current(ino).size = size;
    return 0;
  }

  /** The node made last. */
  #current(ino: number): InodeRecord {
    const node = this.#node;
    if (node === undefined || node.ino !== ino) throw new RangeError(`inode ${ino} is complete`);
    return node;
  }

  setXattr(ino: number, name: Uint8Array, value: Uint8Array): number {
    const { superblock, parameters } = this.#maker;
    if (parameters.revision === 0) return -EOPNOTSUPP;
    const stored = storedXattr(name, value);
    if (typeof stored === "number") return stored;
    // As the kernel does: the first attribute sets the feature.
    superblock.featureCompat |= Compat.EXT_ATTR;
    if (this.#node?.ino !== ino) {
      this.#node = this.#directory(ino).inode;
      this.#xattrs = [];
    }
    this.#xattrs.push(stored);
    return 0;
  }

  setAttributes(ino: number, attributes: NodeAttributes): number {
    const directory = this.#directories.get(ino);
    const inode = directory?.inode ?? this.#shared.get(ino) ?? this.#current(ino);
    return attempt(() => {
      if (this.#node === inode) {
        this.#file.finish();
        if (this.#xattrs.length > 0) {
          const result = storeXattrs(this.#maker, inode, this.#xattrs, this.#file.goal);
          this.#xattrs = [];
          if (result < 0) return result;
        }
      }
      this.#node = undefined;
      takeAttributes(inode, attributes);
      if (directory !== undefined) this.#writeDirectory(directory);
      if (!this.#shared.has(ino)) this.#complete(inode);
      return 0;
    });
  }

  #writeDirectory(directory: Directory): void {
    const maker = this.#maker;
    const { inode, parent, entries, blocks } = directory;
    const links = 2 + directory.subdirectories;
    inode.links = links > MAX_LINKS ? 1 : links;
    const contents = new DirectoryBuilder(maker, inode, parent, entries).build(blocks.length);
    this.#file.writeDirectory(inode, contents, blocks);
    this.#directories.delete(inode.ino);
  }

  /** Nothing of the inode changes any more. */
  #complete(inode: InodeRecord): void {
    if (inode.size >= LARGE_FILE_BYTES && inode.isRegular && this.#maker.parameters.revision > 0) {
      this.#maker.superblock.featureRoCompat |= RoCompat.LARGE_FILE;
    }
    this.#maker.countUsage(inode);
    if (this.#maker.inodes.has(inode.ino)) return;
    this.#tables.put(inode);
  }

  /** Writes what is left: directories that got no attributes, inodes with several names. */
  finish(): void {
    for (const directory of [...this.#directories.values()]) {
      this.#writeDirectory(directory);
      this.#complete(directory.inode);
    }
    for (const inode of this.#shared.values()) this.#complete(inode);
    this.#shared.clear();
    this.#device.writeOut();
  }
}

/**
 * For the option `fill` of `format`.
 * @param work puts files into the sink, see `populate`. Content is never stored inline, and attributes
 *   never in inodes of their own.
 */
export function bulkFill(work: (sink: TreeSink) => void): Fill {
  return (maker, tables) => {
    const sink = new BulkSink(maker, tables);
    work(sink);
    sink.finish();
  };
}

const LOST_FOUND = new TextEncoder().encode("lost+found");

/** Turns a full file system into the errno of the contract. */
function attempt(work: () => number): number {
  try {
    return work();
  } catch (error) {
    if (error instanceof FsError && error.errno === ENOSPC) return -ENOSPC;
    throw error;
  }
}

function takeAttributes(inode: InodeRecord, attributes: NodeAttributes): void {
  inode.mode = (inode.mode & S_IFMT) | (attributes.mode & 0o7777);
  inode.uid = attributes.uid;
  inode.gid = attributes.gid;
  const { atime, mtime, ctime } = attributes;
  inode.atime = seconds(inode, atime);
  inode.atimeNsec = nanoseconds(inode, atime);
  inode.mtime = seconds(inode, mtime);
  inode.mtimeNsec = nanoseconds(inode, mtime);
  inode.ctime = seconds(inode, ctime);
  inode.ctimeNsec = nanoseconds(inode, ctime);
}

/** The nearest time that the inode can hold. */
function seconds(inode: InodeRecord, time: NodeTime): number {
  return Math.max(-0x80000000, Math.min(inode.maxTime, time.seconds));
}

function nanoseconds(inode: InodeRecord, time: NodeTime): number {
  return time.seconds > inode.maxTime || inode.extraBytes < 8 ? 0 : time.nanoseconds;
}
