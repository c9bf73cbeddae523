/** Workloads on a mount whose server may go away at any moment. @module */

import * as libc from "../harness/libc.ts";
import type { Node } from "./model.ts";
import type { Target } from "./target.ts";

/** The server has gone. */
const ENOTCONN = 107;
const EIO = 5;
const ECONNABORTED = 103;
const GONE: readonly number[] = [-ENOTCONN, -ECONNABORTED];
const KEEP_SIZE = 0x01;
const PUNCH_HOLE = 0x02;
const EXCHANGE = 2;

/** Makes system calls in the mount. */
export class MountTarget implements Target {
  readonly events = 0;
  stopped = false;
  /** The tree's root, for finding paths; set before the first step. */
  root: Node | undefined;
  readonly #descriptors = new Map<Node, number>();
  #made = 2;

  constructor(readonly mountPoint: string, readonly blockBytes: number) {}

  makeFile(dir: Node, name: string): number {
    const descriptor = libc.open(this.#child(dir, name), libc.O_RDWR | libc.O_CREAT, 0o644);
    if (descriptor >= 0) libc.close(descriptor);
    return this.#number(descriptor);
  }
  makeDirectory(dir: Node, name: string): number {
    return this.#number(libc.mkdir(this.#child(dir, name), 0o755));
  }
  makeSymlink(dir: Node, name: string, target: string): number {
    return this.#number(libc.symlink(target, this.#child(dir, name)));
  }
  link(node: Node, dir: Node, name: string): number {
    return this.#answer(libc.link(this.#path(node), this.#child(dir, name)));
  }
  unlink(dir: Node, name: string): number {
    return this.#answer(libc.unlink(this.#child(dir, name)));
  }
  removeDirectory(dir: Node, name: string): number {
    return this.#answer(libc.rmdir(this.#child(dir, name)));
  }
  rename(from: Node, name: string, to: Node, newName: string, exchange: boolean): number {
    const flags = exchange ? EXCHANGE : 0;
    return this.#answer(libc.rename(this.#child(from, name), this.#child(to, newName), flags));
  }
  write(node: Node, offset: number, bytes: Uint8Array<ArrayBuffer>): number {
    return this.#withFile(
      node,
      (descriptor) => libc.pwrite(descriptor, bytes, offset),
      bytes.length,
    );
  }
  truncate(node: Node, size: number): number {
    return this.#withFile(node, (descriptor) => libc.ftruncate(descriptor, size));
  }
  punch(node: Node, offset: number, length: number): number {
    const mode = PUNCH_HOLE | KEEP_SIZE;
    return this.#withFile(node, (file) => libc.fallocate(file, mode, offset, length));
  }
  allocate(node: Node, offset: number, length: number): number {
    return this.#withFile(node, (file) => libc.fallocate(file, KEEP_SIZE, offset, length));
  }
  defragment(): number {
    return 0;
  }
  chmod(node: Node, mode: number): number {
    return this.#answer(libc.chmod(this.#path(node), mode));
  }
  setXattr(node: Node, name: string, value: Uint8Array<ArrayBuffer>): number {
    return this.#answer(libc.setxattr(this.#path(node), name, value));
  }
  removeXattr(node: Node, name: string): number {
    return this.#answer(libc.removexattr(this.#path(node), name));
  }
  open(node: Node): void {
    const descriptor = libc.open(this.#path(node), libc.O_RDWR);
    if (this.#answer(descriptor) >= 0 && descriptor >= 0) this.#descriptors.set(node, descriptor);
  }
  close(node: Node): number {
    const descriptor = this.#descriptors.get(node);
    this.#descriptors.delete(node);
    if (descriptor !== undefined) libc.close(descriptor);
    return 0;
  }
  /** An fsync of any file makes everything before it durable. */
  sync(): number {
    const descriptor = libc.open(this.mountPoint, libc.O_RDONLY | libc.O_DIRECTORY);
    if (descriptor < 0) return this.#answer(descriptor);
    try {
      return this.#answer(libc.fsync(descriptor));
    } finally {
      libc.close(descriptor);
    }
  }
  startSync(done: () => void): void {
    if (this.sync() >= 0 && !this.stopped) done();
  }
  commit(): void {}
  rest(): void {}
  mtimeOf(): undefined {
    return undefined;
  }

  /** Closes what is open. */
  end(): void {
    for (const node of [...this.#descriptors.keys()]) this.close(node);
  }

  /** Once the server has gone nobody knows what it did: everything is said to have worked. */
  #answer(result: number, unknown = 0): number {
    if (!GONE.includes(result) && !(result === -EIO && this.#hasGone())) return result;
    this.stopped = true;
    return unknown;
  }

  /** A request that was cut off may be answered with EIO; the next one tells. */
  #hasGone(): boolean {
    const status = libc.lstat(`${this.mountPoint}/none`);
    return typeof status === "number" && GONE.includes(status);
  }

  #number(result: number): number {
    return this.#answer(result) < 0 ? result : ++this.#made;
  }

  #withFile(node: Node, work: (descriptor: number) => number, unknown = 0): number {
    const open = this.#descriptors.get(node);
    if (open !== undefined) return this.#answer(work(open), unknown);
    const descriptor = libc.open(this.#path(node), libc.O_RDWR);
    if (descriptor < 0) return this.#answer(descriptor, unknown);
    try {
      return this.#answer(work(descriptor), unknown);
    } finally {
      libc.close(descriptor);
    }
  }

  #child(dir: Node, name: string): string {
    return `${this.#path(dir)}/${name}`;
  }

  /** A path of the node: the model knows them all. */
  #path(node: Node): string {
    const search = (from: Node, path: string): string | undefined => {
      if (from === node) return path;
      for (const [name, child] of from.children) {
        if (child !== node && child.kind !== "directory") continue;
        const found = search(child, `${path}/${name}`);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const path = this.root === undefined ? undefined : search(this.root, this.mountPoint);
    if (path === undefined) throw new Error(`inode ${node.ino} has no name`);
    return path;
  }
}
