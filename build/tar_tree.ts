/**
 * Laying a tar archive over a tree, as unpacking it would; with the whiteouts of OCI image layers
 * (image-spec, layer.md).
 *
 * @module
 */

import { makeDevice } from "../fs/layout/device_number.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from "../fs/layout/inode.ts";
import type { TarMember, TarPart, TarType } from "../tar/member.ts";
import { BuildError } from "./build_error.ts";
import { copyAttributes, mergeNode } from "./merge.ts";
import { type DataRange, type FileContent, keyOf, show, type Tree, TreeNode } from "./tree.ts";

/** Where an archive's contents are kept. */
export interface ContentStore {
  /** @returns how many bytes were read, less only at the end. */
  read(target: Uint8Array, offset: number): number;
}

/** How an archive is taken. */
export interface TarTreeOptions {
  /** Absolute names are relative to the root, and of several members of one name the last one counts. */
  readonly lenient: boolean;
  readonly warn: (message: string) => void;
}

const SLASH = 0x2f;
const PIECE_BYTES = 1 << 20;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const AUFS = ".wh..wh.";
const encoder = new TextEncoder();
const MODES: Readonly<Record<TarType, number>> = {
  file: S_IFREG,
  link: S_IFREG,
  symlink: S_IFLNK,
  character: S_IFCHR,
  block: S_IFBLK,
  directory: S_IFDIR,
  fifo: S_IFIFO,
};

/** Takes the members of one archive, one after the other. */
export class TarTree {
  #last: TreeNode | undefined;
  #lastKey = "";
  #removals = 0;

  constructor(
    readonly tree: Tree,
    readonly source: number,
    readonly store: ContentStore,
    readonly options: TarTreeOptions,
  ) {}

  /** @throws BuildError */
  add(member: TarMember): void {
    const names = this.#names(member.path);
    const name = names.pop();
    if (name === undefined) return this.#addRoot(member);
    const parent = this.#parentOf(names);
    if (this.#whiteout(parent, name)) return;
    if (member.type === "link") return this.#addLink(member, parent, name);
    this.#put(parent, name, this.#node(member), member);
  }

  #names(path: Uint8Array): Uint8Array[] {
    if (path.length === 0) throw new BuildError("a member of the archive has no name");
    if (path[0] === SLASH && !this.options.lenient) {
      throw new BuildError(
        `member ${show(path)} has an absolute name; --lenient takes it as relative to the root`,
      );
    }
    return this.tree.split(path);
  }

  /** Members of one directory mostly follow each other. */
  #parentOf(names: readonly Uint8Array[]): TreeNode {
    const { tree } = this;
    const key = names.map(keyOf).join("/");
    if (this.#last === undefined || this.#lastKey !== key || this.#removals !== tree.removals) {
      this.#last = tree.directory(names, true, this.source) ?? tree.root;
      this.#lastKey = key;
      this.#removals = tree.removals;
    }
    return this.#last;
  }

  #addRoot(member: TarMember): void {
    if (member.type !== "directory") throw new BuildError("the root is not a directory");
    copyAttributes(this.#node(member), this.tree.root);
    this.tree.rootGiven = true;
  }

  /** @returns whether the name was a whiteout, which is done then. */
  #whiteout(parent: TreeNode, nameBytes: Uint8Array): boolean {
    const name = keyOf(nameBytes);
    if (!name.startsWith(WHITEOUT)) return false;
    if (name === OPAQUE) this.tree.removeOlder(parent, this.source);
    else if (!name.startsWith(AUFS)) {
      const entry = parent.children?.get(name.slice(WHITEOUT.length));
      if (entry !== undefined) this.tree.removeEntryIfOlder(parent, entry, this.source);
    }
    return true;
  }

  #put(parent: TreeNode, name: Uint8Array, node: TreeNode, member: TarMember): void {
    const old = parent.children?.get(keyOf(name));
    const bothDirectories = old?.node.children !== undefined && node.children !== undefined;
    if (old !== undefined && !bothDirectories && old.source === this.source) {
      if (!this.options.lenient) {
        throw new BuildError(
          `${show(member.path)} is in the archive twice; --lenient takes the last one`,
        );
      }
      if ((old.node.children?.size ?? 0) > 0) {
        throw new BuildError(`${show(member.path)} is a directory, and then something else`);
      }
    }
    mergeNode(this.tree, parent, name, node, this.source);
  }

  #addLink(member: TarMember, parent: TreeNode, name: Uint8Array): void {
    const names = this.#names(member.target);
    const last = names.pop();
    const folder = this.tree.directory(names, false, this.source);
    const found = last === undefined ? undefined : folder?.children?.get(keyOf(last));
    if (found === undefined) {
      throw new BuildError(`${show(member.path)} is a link to nowhere: ${show(member.target)}`);
    }
    if (found.node.children !== undefined) {
      throw new BuildError(`${show(member.path)} is a hard link to a directory`);
    }
    // tar stores a file that it was told of twice as a link to itself.
    if (parent.children?.get(keyOf(name))?.node === found.node) return;
    this.#put(parent, name, found.node, member);
  }

  #node(member: TarMember): TreeNode {
    const node = new TreeNode(MODES[member.type] | member.mode, member.mtime);
    node.uid = member.uid;
    node.gid = member.gid;
    if (member.atime !== undefined) node.atime = member.atime;
    if (member.ctime !== undefined) node.ctime = member.ctime;
    node.setXattrs(member.xattrs);
    if (member.type === "file") {
      node.size = member.size;
      if (member.parts.length > 0) node.content = new StoredContent(this.store, member.parts);
    } else if (member.type === "symlink") {
      if (member.target.length === 0) {
        throw new BuildError(`symbolic link ${show(member.path)} leads nowhere`);
      }
      node.target = member.target;
    } else if (member.type === "character" || member.type === "block") {
      node.rdev = deviceOf(member);
    }
    return node;
  }
}

function deviceOf({ path, major, minor }: TarMember): number {
  if (major >= 0 && major < 4096 && minor >= 0 && minor < 1048576) return makeDevice(major, minor);
  throw new BuildError(`device ${show(path)} has the impossible number ${major}:${minor}`);
}

/** Content that lies in a store. */
class StoredContent implements FileContent {
  constructor(readonly store: ContentStore, readonly parts: readonly TarPart[]) {}

  ranges(): readonly DataRange[] {
    return this.parts;
  }

  read(_size: number, write: (offset: number, bytes: Uint8Array) => void): void {
    for (const { offset, stored, length } of this.parts) {
      for (let done = 0; done < length;) {
        const target = piece.subarray(0, Math.min(piece.length, length - done));
        const count = this.store.read(target, stored + done);
        if (count === 0) throw new BuildError("an archive has become shorter while it was read");
        write(offset + done, target.subarray(0, count));
        done += count;
      }
    }
  }
}

const piece = new Uint8Array(PIECE_BYTES);

/** Content in memory. */
export class MemoryContent implements FileContent {
  constructor(readonly bytes: Uint8Array) {}

  ranges(): readonly DataRange[] {
    return this.bytes.length === 0 ? [] : [{ offset: 0, length: this.bytes.length }];
  }
  read(_size: number, write: (offset: number, bytes: Uint8Array) => void): void {
    if (this.bytes.length > 0) write(0, this.bytes);
  }
  /** Text as content. */
  static ofText(text: string): MemoryContent {
    return new MemoryContent(encoder.encode(text));
  }
}
