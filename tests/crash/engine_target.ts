/** Workloads on the engine in this process. @module */

import { Defragmentation } from "../../fs/defrag/defragment.ts";
import { S_IFREG } from "../../fs/layout/inode.ts";
import { removeAttribute, setAttribute } from "../../fs/ops/attributes.ts";
import { makeNode } from "../../fs/ops/create.ts";
import { deleteIfUnused } from "../../fs/ops/delete_inode.ts";
import { type Credentials, type Engine, SUPERUSER } from "../../fs/ops/engine.ts";
import { fallocate, KEEP_SIZE, PUNCH_HOLE } from "../../fs/ops/fallocate.ts";
import { link } from "../../fs/ops/link.ts";
import { makeDirectory } from "../../fs/ops/make_directory.ts";
import { EXCHANGE, rename } from "../../fs/ops/rename.ts";
import { setAttributes } from "../../fs/ops/set_attributes.ts";
import { makeSymlink } from "../../fs/ops/symlink.ts";
import { removeDirectory, unlink } from "../../fs/ops/unlink.ts";
import { write } from "../../fs/ops/write.ts";
import type { RecordingDevice } from "../../fs/device/recording.ts";
import type { Random } from "../harness/seed.ts";
import type { DeferredQueue } from "./deferred_queue.ts";
import type { Node } from "./model.ts";
import type { Target } from "./target.ts";

const encoder = new TextEncoder();
const WRITE = { privileged: true, killPrivileges: false };
/** How much is defragmented at a time: little, so that commits come in between. */
const SLICE_BYTES = 32 << 10;
const SLICES = 3;
const SET = { flags: 0, killSgid: false, privileged: true };

/** Different owners for different names: usage moves in many entries of quota files. */
function ownerOf(name: string): Credentials {
  const number = [...name].reduce((sum, letter) => sum * 7 + letter.charCodeAt(0), 0) % 100;
  return { uid: number * 1000, gid: number % 10 };
}

/** One operation of `fs/ops` each. */
export class EngineTarget implements Target {
  readonly stopped = false;

  /** @param queue writes the journal when that is left to the background. */
  constructor(
    readonly engine: Engine,
    readonly device: RecordingDevice,
    readonly queue: DeferredQueue | undefined,
  ) {}

  get blockBytes(): number {
    return this.engine.volume.geometry.blockBytes;
  }
  get events(): number {
    return this.device.events.length;
  }

  makeFile(dir: Node, name: string): number {
    const bytes = encoder.encode(name);
    return makeNode(this.engine, ownerOf(name), dir.ino, bytes, S_IFREG | 0o644, 0, 0);
  }
  makeDirectory(dir: Node, name: string): number {
    const owner = ownerOf(name);
    return makeDirectory(this.engine, owner, dir.ino, encoder.encode(name), 0o755, 0);
  }
  makeSymlink(dir: Node, name: string, target: string): number {
    const bytes = encoder.encode(target);
    return makeSymlink(this.engine, ownerOf(name), dir.ino, encoder.encode(name), bytes);
  }
  link(node: Node, dir: Node, name: string): number {
    return link(this.engine, node.ino, dir.ino, encoder.encode(name));
  }
  unlink(dir: Node, name: string): number {
    return unlink(this.engine, dir.ino, encoder.encode(name));
  }
  removeDirectory(dir: Node, name: string): number {
    return removeDirectory(this.engine, dir.ino, encoder.encode(name));
  }
  rename(from: Node, name: string, to: Node, newName: string, exchange: boolean): number {
    const [old, fresh] = [encoder.encode(name), encoder.encode(newName)];
    return rename(this.engine, SUPERUSER, from.ino, old, to.ino, fresh, exchange ? EXCHANGE : 0);
  }
  write(node: Node, offset: number, bytes: Uint8Array): number {
    return write(this.engine, node.ino, offset, bytes, WRITE);
  }
  truncate(node: Node, size: number): number {
    return setAttributes(this.engine, node.ino, { size }, true);
  }
  punch(node: Node, offset: number, length: number): number {
    return fallocate(this.engine, node.ino, offset, length, PUNCH_HOLE | KEEP_SIZE, true);
  }
  allocate(node: Node, offset: number, length: number): number {
    return fallocate(this.engine, node.ino, offset, length, KEEP_SIZE, true);
  }
  defragment(node: Node): number {
    const work = new Defragmentation(this.engine, node.ino, SLICE_BYTES);
    for (let slices = 0; slices < SLICES && !work.done; slices++) work.step();
    return 0;
  }
  chmod(node: Node, mode: number): number {
    return setAttributes(this.engine, node.ino, { mode }, true);
  }
  setXattr(node: Node, name: string, value: Uint8Array): number {
    return setAttribute(this.engine, node.ino, encoder.encode(name), value, SET);
  }
  removeXattr(node: Node, name: string): number {
    return removeAttribute(this.engine, node.ino, encoder.encode(name), true);
  }
  open(node: Node): void {
    this.engine.inode(node.ino).users++;
  }
  close(node: Node): number {
    const inode = this.engine.inode(node.ino);
    inode.users--;
    this.engine.alloc.discardPreallocation(inode);
    deleteIfUnused(this.engine, inode);
    return 0;
  }
  sync(): number {
    this.engine.sync(true);
    return 0;
  }
  startSync(done: () => void): void {
    this.engine.storeLazyTimes();
    this.engine.volume.transactions.start(true, (error) => {
      if (error === null) done();
    });
  }
  commit(): void {
    this.engine.volume.transactions.start(false);
  }
  rest(random: Random): void {
    this.queue?.rest(random);
    this.engine.guard?.tick();
    this.engine.trim();
  }
  mtimeOf(node: Node): number | undefined {
    return this.engine.volume.inodes.peek(node.ino)?.mtime;
  }
}
