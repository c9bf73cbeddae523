/**
 * Nodes that guests know: each an O_PATH descriptor on the host, or a file handle by which that can be
 * opened again, and how often it was looked up.
 *
 * @module
 */

import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import { close } from "../../ffi/libc/file.ts";
import { type FileHandle, type FileHandles, sameHandle } from "./file_handles.ts";
import type { StatusRecord } from "./status_record.ts";

/** A file of the host that a guest knows. */
export interface HostNode {
  readonly id: number;
  /** O_PATH. One that was got from `HostNodes` is open until another is. */
  descriptor: number;
  /** The descriptor's number as a NUL-ended name in /proc/self/fd. */
  name: Uint8Array<ArrayBuffer>;
  /** S_IF* bits. */
  readonly type: number;
  readonly mountId: number;
  readonly siblings: Map<number, HostNode>;
  readonly ino: number;
  /** With one the descriptor may be closed (-1) and opened again. */
  readonly handle: FileHandle | undefined;
  lookups: number;
  /** When it was used last, counted in uses. */
  used: number;
}

/** How nodes are held by handles. */
export interface HandleUse {
  readonly handles: FileHandles;
  /** Files without a handle are refused. */
  readonly only: boolean;
  /** How many descriptors of nodes with handles may be open at once; at least 8. */
  readonly mostOpen: number;
}

const CLOSED = -1;
const encoder = new TextEncoder();

/** All nodes of one front-end. */
export class HostNodes {
  readonly #byId = new Map<number, HostNode>();
  /** By file system and mount, then by inode number. */
  readonly #byPlace = new Map<string, Map<number, HostNode>>();
  #nextId = ROOT_NODE;
  #uses = 0;
  /** Open descriptors of nodes that have handles. */
  #open = 0;

  constructor(readonly use?: HandleUse) {}

  get count(): number {
    return this.#byId.size;
  }

  /** The next node gets this number at least. */
  numberFrom(id: number): void {
    this.#nextId = Math.max(this.#nextId, id);
  }

  /** A node with its descriptor open; undefined when there is none, or its file is gone. */
  get(id: number): HostNode | undefined {
    const node = this.#byId.get(id);
    if (node === undefined || node.handle === undefined) return node;
    node.used = ++this.#uses;
    return node.descriptor === CLOSED && !this.#reopen(node, node.handle) ? undefined : node;
  }

  #reopen(node: HostNode, handle: FileHandle): boolean {
    const descriptor = this.use?.handles.open(handle) ?? CLOSED;
    if (descriptor < 0) return false;
    node.descriptor = descriptor;
    node.name = encoder.encode(`${descriptor}\0`);
    this.#opened();
    return true;
  }

  /**
   * A node for an open file: the one that is known already, whereupon `descriptor` is closed, or a new one.
   * @returns undefined, and `descriptor` is closed, when it would need a handle and has none.
   */
  adopt(descriptor: number, status: StatusRecord): HostNode | undefined {
    const place = `${status.mountId} ${status.deviceMajor} ${status.deviceMinor}`;
    let siblings = this.#byPlace.get(place);
    if (siblings === undefined) {
      siblings = new Map();
      this.#byPlace.set(place, siblings);
    }
    const known = siblings.get(status.ino);
    // An open descriptor keeps the inode, so that its number is not another's.
    if (known !== undefined && known.descriptor !== CLOSED) return meet(known, descriptor);
    const isRoot = this.#nextId === ROOT_NODE;
    const handle = isRoot ? undefined : this.#handle(descriptor, status);
    if (known?.handle !== undefined && handle !== undefined && sameHandle(known.handle, handle)) {
      return meet(known, descriptor);
    }
    if (handle === undefined && !isRoot && this.use?.only === true) {
      close(descriptor);
      return undefined;
    }
    return this.#add(descriptor, status, siblings, handle);
  }

  /** The root comes first, so that the descriptor of its mount is of a directory. */
  #handle(descriptor: number, status: StatusRecord): FileHandle | undefined {
    const root = this.#byId.get(ROOT_NODE);
    if (root !== undefined) {
      this.use?.handles.knowMount(root.descriptor, { mode: root.type, mountId: root.mountId });
    }
    return this.use?.handles.take(descriptor, status);
  }

  #add(
    descriptor: number,
    status: StatusRecord,
    siblings: Map<number, HostNode>,
    handle: FileHandle | undefined,
  ): HostNode {
    const node: HostNode = {
      id: this.#nextId++,
      descriptor,
      name: encoder.encode(`${descriptor}\0`),
      type: status.mode & 0o170000,
      mountId: status.mountId,
      siblings,
      ino: status.ino,
      handle,
      lookups: 1,
      used: ++this.#uses,
    };
    siblings.set(status.ino, node);
    this.#byId.set(node.id, node);
    if (handle !== undefined) this.#opened();
    return node;
  }

  /** One more is open: when those are too many the half that was not used for longest is closed. */
  #opened(): void {
    this.#open++;
    const most = this.use?.mostOpen ?? 0;
    if (this.#open <= most) return;
    const open = [...this.#byId.values()].filter((node) => {
      return node.handle !== undefined && node.descriptor !== CLOSED;
    });
    open.sort((one, other) => one.used - other.used);
    for (const node of open.slice(0, open.length >> 1)) this.#close(node);
  }

  #close(node: HostNode): void {
    if (node.descriptor === CLOSED) return;
    if (node.handle !== undefined) this.#open--;
    close(node.descriptor);
    node.descriptor = CLOSED;
  }

  /** Takes lookups back; a node without any is let go. The root stays. */
  forget(id: number, lookups: number): void {
    const node = this.#byId.get(id);
    if (node === undefined || id === ROOT_NODE) return;
    node.lookups -= Math.min(lookups, node.lookups);
    if (node.lookups === 0) this.#drop(node);
  }

  /** Lets everything but the root go: a new session begins. */
  forgetAll(): void {
    for (const node of this.#byId.values()) if (node.id !== ROOT_NODE) this.#drop(node);
    this.use?.handles.close();
  }

  #drop(node: HostNode): void {
    this.#byId.delete(node.id);
    if (node.siblings.get(node.ino) === node) node.siblings.delete(node.ino);
    this.#close(node);
  }
}

/** A known node was found again. */
function meet(known: HostNode, descriptor: number): HostNode {
  close(descriptor);
  known.lookups++;
  return known;
}
