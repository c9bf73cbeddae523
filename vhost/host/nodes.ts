/**
 * Nodes that guests know: each an O_PATH descriptor on the host, and how often it was looked up.
 *
 * @module
 */

import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import { close } from "../../ffi/libc/file.ts";
import type { StatusRecord } from "./status_record.ts";

/** A file of the host that a guest knows. */
export interface HostNode {
  readonly id: number;
  /** O_PATH. */
  readonly descriptor: number;
  /** The descriptor's number as a NUL-ended name in /proc/self/fd. */
  readonly name: Uint8Array<ArrayBuffer>;
  /** S_IF* bits. */
  readonly type: number;
  readonly mountId: number;
  readonly siblings: Map<number, HostNode>;
  readonly ino: number;
  lookups: number;
}

/** All nodes of one front-end. */
export class HostNodes {
  readonly #byId = new Map<number, HostNode>();
  /** By file system and mount, then by inode number. */
  readonly #byPlace = new Map<string, Map<number, HostNode>>();
  #nextId = ROOT_NODE;

  get count(): number {
    return this.#byId.size;
  }

  get(id: number): HostNode | undefined {
    return this.#byId.get(id);
  }

  /** A node for an open file: the one that is known already, whereupon `descriptor` is closed, or a new one. */
  adopt(descriptor: number, status: StatusRecord): HostNode {
    const place = `${status.mountId} ${status.deviceMajor} ${status.deviceMinor}`;
    let siblings = this.#byPlace.get(place);
    if (siblings === undefined) {
      siblings = new Map();
      this.#byPlace.set(place, siblings);
    }
    const known = siblings.get(status.ino);
    if (known !== undefined) {
      close(descriptor);
      known.lookups++;
      return known;
    }
    const node: HostNode = {
      id: this.#nextId++,
      descriptor,
      name: new TextEncoder().encode(`${descriptor}\0`),
      type: status.mode & 0o170000,
      mountId: status.mountId,
      siblings,
      ino: status.ino,
      lookups: 1,
    };
    siblings.set(status.ino, node);
    this.#byId.set(node.id, node);
    return node;
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
  }

  #drop(node: HostNode): void {
    this.#byId.delete(node.id);
    if (node.siblings.get(node.ino) === node) node.siblings.delete(node.ino);
    close(node.descriptor);
  }
}
