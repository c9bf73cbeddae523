/**
 * The tree of the file system in memory: names and lookup counts.
 *
 * @module
 */

import { S_IFDIR } from "../../libc/constants.ts";
import { ERRNO } from "../../libc/errno.ts";
import { type Caller, type Entry, RENAME_EXCHANGE, RENAME_NOREPLACE, ROOT_NODE } from "../port.ts";
import { keyOf, MemoryNode } from "./memory_node.ts";

/** How long the kernel may keep what it learned. */
const VALID_MS = 60_000;

/** Nodes by number, and the operations on names. */
export class MemoryTree {
  readonly nodes = new Map<number, MemoryNode>();
  #nextId = ROOT_NODE;

  constructor() {
    const root = this.make(S_IFDIR | 0o777, 0, 0);
    root.lookups = 1;
    root.parent = ROOT_NODE;
  }

  make(mode: number, uid: number, gid: number): MemoryNode {
    const node = new MemoryNode(this.#nextId++, mode, uid, gid);
    this.nodes.set(node.id, node);
    return node;
  }

  /** Answers a node in an entry and counts the lookup. */
  answer(node: MemoryNode, entry: Entry): number {
    node.lookups++;
    entry.node = node.id;
    entry.generation = 0;
    entry.entryValidMs = VALID_MS;
    entry.attributesValidMs = VALID_MS;
    node.fill(entry.attributes);
    return 0;
  }

  forget(id: number, lookups: number): void {
    const node = this.nodes.get(id);
    if (node === undefined) return;
    node.lookups -= lookups;
    this.drop(node);
  }

  /** Lets go of a node that has no names, lookups and handles. */
  drop(node: MemoryNode): void {
    if (node.nlink === 0 && node.lookups <= 0 && node.opens === 0) this.nodes.delete(node.id);
  }

  lookup(parent: number, name: Uint8Array, entry: Entry): number {
    const child = this.nodes.get(parent)?.children.get(keyOf(name));
    if (child !== undefined) return this.answer(child, entry);
    entry.node = 0;
    entry.entryValidMs = VALID_MS;
    return 0;
  }

  /** Makes a node and its name; answers the node, or a negated errno. */
  add(caller: Caller, parent: number, name: Uint8Array, mode: number): MemoryNode | number {
    const directory = this.nodes.get(parent);
    if (directory === undefined || directory.nlink === 0) return -ERRNO.ENOENT;
    const key = keyOf(name);
    if (directory.children.has(key)) return -ERRNO.EEXIST;
    const node = this.make(mode, caller.uid, caller.gid);
    this.#attach(directory, key, node);
    return node;
  }

  remove(parent: number, name: Uint8Array, wantDirectory: boolean): number {
    const directory = this.nodes.get(parent);
    const key = keyOf(name);
    const node = directory?.children.get(key);
    if (directory === undefined || node === undefined) return -ERRNO.ENOENT;
    if (wantDirectory && !node.isDirectory) return -ERRNO.ENOTDIR;
    if (!wantDirectory && node.isDirectory) return -ERRNO.EISDIR;
    if (node.children.size > 0) return -ERRNO.ENOTEMPTY;
    this.#detach(directory, key, node);
    node.nlink = node.isDirectory ? 0 : node.nlink - 1;
    node.changed(false);
    this.drop(node);
    return 0;
  }

  link(id: number, parent: number, name: Uint8Array, entry: Entry): number {
    const node = this.nodes.get(id);
    const directory = this.nodes.get(parent);
    if (node === undefined || directory === undefined) return -ERRNO.ENOENT;
    const key = keyOf(name);
    if (directory.children.has(key)) return -ERRNO.EEXIST;
    node.nlink++;
    this.#attach(directory, key, node);
    return this.answer(node, entry);
  }

  rename(
    parent: number,
    name: Uint8Array,
    newParent: number,
    newName: Uint8Array,
    flags: number,
  ): number {
    const from = this.nodes.get(parent);
    const to = this.nodes.get(newParent);
    const key = keyOf(name);
    const newKey = keyOf(newName);
    const node = from?.children.get(key);
    if (from === undefined || to === undefined || node === undefined) return -ERRNO.ENOENT;
    const target = to.children.get(newKey);
    if (target === node) return 0;
    if ((flags & RENAME_EXCHANGE) !== 0) return this.#exchange(from, key, node, to, newKey, target);
    if (target !== undefined) {
      if ((flags & RENAME_NOREPLACE) !== 0) return -ERRNO.EEXIST;
      const removed = this.remove(newParent, newName, node.isDirectory);
      if (removed < 0) return removed;
    }
    this.#detach(from, key, node);
    this.#attach(to, newKey, node);
    return 0;
  }

  #exchange(
    from: MemoryNode,
    key: string,
    node: MemoryNode,
    to: MemoryNode,
    newKey: string,
    target: MemoryNode | undefined,
  ): number {
    if (target === undefined) return -ERRNO.ENOENT;
    this.#detach(from, key, node);
    this.#detach(to, newKey, target);
    this.#attach(from, key, target);
    this.#attach(to, newKey, node);
    return 0;
  }

  #attach(directory: MemoryNode, key: string, node: MemoryNode): void {
    directory.children.set(key, node);
    node.parent = directory.id;
    if (node.isDirectory) directory.nlink++;
    directory.changed(true);
    node.changed(false);
  }

  #detach(directory: MemoryNode, key: string, node: MemoryNode): void {
    directory.children.delete(key);
    if (node.isDirectory) directory.nlink--;
    directory.changed(true);
  }
}
