/**
 * Does the steps of a workload, on its target and on the model, and takes down between which events of
 * the device each step lies.
 *
 * @module
 */

import { ENOSPC, EOPNOTSUPP } from "../../fs/errno.ts";
import { ROOT_INODE } from "../../fs/layout/superblock.ts";
import type { Random } from "../harness/seed.ts";
import { fillPattern } from "./content.ts";
import { digestOf, newNode, type Node, type Snapshot, snapshotOf } from "./model.ts";
import type { Target } from "./target.ts";
import { shortValue } from "./walk.ts";

/** One step of a workload. */
export interface Step {
  readonly name: string;
  /** Events of the device before it began, and when it had ended. */
  readonly beginEvent: number;
  readonly endEvent: number;
  /** From this event on, it and everything before it is promised to be durable. */
  durableEvent?: number;
  /** The tree after it. */
  readonly digest: string;
  readonly snapshot: Snapshot;
}

/** The target has gone in the middle of a step; the step was taken down as if it had been done. */
export class TargetGone extends Error {
  override readonly name = "TargetGone";
}

const scratch = new Uint8Array(1 << 20);
/** More than any workload counts up to. */
const NUMBERS_A_PASS = 1_000_000;
const PAGE_BYTES = 4096;

export interface ActorOptions {
  /** What is answered is promised to be durable. */
  readonly everyStepDurable?: boolean;
  /** Longer writes are made in several steps: what one step writes shows as a whole or not at all. */
  readonly longestWriteBytes?: number;
  /**
   * Writes that begin within a page are made in two steps: the kernel's FUSE client sends what goes into
   * a page that it has not read as a request of its own.
   */
  readonly cutsAtPage?: boolean;
  /** The trees before the last promise are of no use. */
  readonly forgetsOld?: boolean;
}

/** The one who acts. */
export class Actor {
  readonly root: Node = newNode("directory", ROOT_INODE, 0o755);
  readonly steps: Step[] = [];
  readonly opened: Node[] = [];
  /** Steps that were answered with "no". */
  refused = 0;
  #writes = 0;
  #passes = 0;
  /** Steps whose trees are forgotten. */
  #forgotten = 0;

  constructor(
    readonly target: Target,
    readonly random: Random,
    readonly options: ActorOptions = {},
  ) {
    this.#record("mount", 0, false);
  }

  /** Where the numbers in names begin: a workload that is done once more must not meet its own names. */
  firstNumber(): number {
    return this.#passes++ * NUMBERS_A_PASS;
  }

  /** The number that the running step has. */
  get #step(): number {
    return this.steps.length;
  }

  create(dir: Node, name: string): Node | undefined {
    return this.#name(`create ${name}`, dir, name, () => {
      const ino = this.target.makeFile(dir, name);
      return ino < 0 ? ino : newNode("file", ino, 0o644);
    });
  }

  mkdir(dir: Node, name: string): Node | undefined {
    return this.#name(`mkdir ${name}`, dir, name, () => {
      const ino = this.target.makeDirectory(dir, name);
      if (ino < 0) return ino;
      dir.links++;
      return newNode("directory", ino, 0o755);
    });
  }

  symlink(dir: Node, name: string, target: string): Node | undefined {
    return this.#name(`symlink ${name}`, dir, name, () => {
      const ino = this.target.makeSymlink(dir, name, target);
      return ino < 0 ? ino : newNode("link", ino, 0o777, target);
    });
  }

  link(node: Node, dir: Node, name: string): void {
    if (dir.children.has(name)) return;
    this.#change(`link ${name}`, () => {
      const result = this.target.link(node, dir, name);
      if (result < 0) return result;
      node.links++;
      dir.children.set(name, node);
      return 0;
    });
  }

  unlink(dir: Node, name: string): void {
    const node = dir.children.get(name);
    if (node === undefined) return;
    if (node.kind === "directory") return this.rmdir(dir, name);
    this.#change(`unlink ${name}`, () => {
      const result = this.target.unlink(dir, name);
      if (result >= 0) this.#drop(dir, name);
      return result;
    });
  }

  rmdir(dir: Node, name: string): void {
    const node = dir.children.get(name);
    if (node === undefined || node.children.size > 0) return;
    this.#change(`rmdir ${name}`, () => {
      const result = this.target.removeDirectory(dir, name);
      if (result >= 0) {
        dir.children.delete(name);
        dir.links--;
      }
      return result;
    });
  }

  /** Renames something; what has the new name already must be of a kind that can be replaced. */
  rename(from: Node, name: string, to: Node, newName: string): void {
    const node = from.children.get(name);
    const target = to.children.get(newName);
    if (node === undefined || node === target) return;
    this.#change(`rename ${name} ${newName}`, () => {
      const result = this.target.rename(from, name, to, newName, false);
      if (result < 0) return result;
      if (target !== undefined) this.#drop(to, newName);
      from.children.delete(name);
      to.children.set(newName, node);
      if (node.kind === "directory") {
        from.links--;
        to.links++;
      }
      return 0;
    });
  }

  exchange(from: Node, name: string, to: Node, newName: string): void {
    const node = from.children.get(name);
    const target = to.children.get(newName);
    if (node === undefined || target === undefined || node === target) return;
    this.#change(`exchange ${name} ${newName}`, () => {
      const result = this.target.rename(from, name, to, newName, true);
      if (result < 0) return result;
      from.children.set(name, target);
      to.children.set(newName, node);
      for (const [moved, old, fresh] of [[node, from, to], [target, to, from]] as const) {
        if (moved.kind !== "directory") continue;
        old.links--;
        fresh.links++;
      }
      return 0;
    });
  }

  /** Writes a pattern of its own into the file. @returns bytes written. */
  write(node: Node, offset: number, length: number): number {
    const longest = this.options.longestWriteBytes ?? length;
    let done = 0;
    while (done < length) {
      const part = Math.min(longest, length - done, this.#restOfPage(offset + done));
      const count = this.#write(node, offset + done, part);
      if (count < part) return done > 0 ? done + Math.max(0, count) : count;
      done += part;
    }
    return done;
  }

  /** Bytes that go out with a write at `offset`: to the end of the page that it cuts. */
  #restOfPage(offset: number): number {
    const within = offset % PAGE_BYTES;
    return this.options.cutsAtPage === true && within !== 0 ? PAGE_BYTES - within : Infinity;
  }

  #write(node: Node, offset: number, length: number): number {
    const seed = Math.imul(++this.#writes, 0x9e3779b1) ^ node.ino;
    const bytes = scratch.subarray(0, length);
    fillPattern(bytes, seed, offset);
    return this.#change(`write ${node.ino} ${offset} ${length}`, () => {
      const count = this.target.write(node, offset, bytes);
      if (count > 0) node.content.write(this.#step, offset, count, seed);
      return count;
    });
  }

  append(node: Node, length: number): number {
    return this.write(node, node.content.size, length);
  }

  truncate(node: Node, size: number): void {
    this.#change(`truncate ${node.ino} ${size}`, () => {
      const result = this.target.truncate(node, size);
      if (result >= 0) node.content.resize(this.#step, size);
      return result;
    });
  }

  punch(node: Node, offset: number, length: number): void {
    this.#change(`punch ${node.ino} ${offset} ${length}`, () => {
      const result = this.target.punch(node, offset, length);
      if (result >= 0) node.content.zero(this.#step, offset, length);
      return result;
    });
  }

  /** Allocates blocks that read as zeros, beyond the end. */
  allocate(node: Node, offset: number, length: number): void {
    this.#change(`allocate ${node.ino} ${offset} ${length}`, () => {
      return this.target.allocate(node, offset, length);
    });
  }

  /** Pieces of the file are brought together; nothing is to be seen of it. */
  defragment(node: Node): void {
    this.#change(`defragment ${node.ino}`, () => this.target.defragment(node));
  }

  chmod(node: Node, mode: number): void {
    this.#change(`chmod ${node.ino}`, () => {
      const result = this.target.chmod(node, mode);
      if (result >= 0) node.mode = mode;
      return result;
    });
  }

  setXattr(node: Node, name: string, length: number): void {
    if (node.kind === "link") return;
    const value = this.random.fill(new Uint8Array(length));
    this.#change(`setxattr ${node.ino} ${name} ${length}`, () => {
      const result = this.target.setXattr(node, name, value);
      if (result >= 0) node.xattrs.set(name, shortValue(value));
      return result;
    });
  }

  removeXattr(node: Node, name: string): void {
    if (!node.xattrs.has(name)) return;
    this.#change(`removexattr ${node.ino} ${name}`, () => {
      const result = this.target.removeXattr(node, name);
      if (result >= 0) node.xattrs.delete(name);
      return result;
    });
  }

  /** From now on the file outlives its names. */
  open(node: Node): void {
    if (node.open) return;
    node.open = true;
    this.target.open(node);
    this.opened.push(node);
  }

  close(node: Node): void {
    const index = this.opened.indexOf(node);
    if (index < 0) return;
    this.opened.splice(index, 1);
    node.open = false;
    this.#change(`close ${node.ino}`, () => this.target.close(node));
  }

  /** Everything up to here is promised to be durable afterwards, or some time later. */
  fsync(): void {
    this.target.rest(this.random);
    const begin = this.target.events;
    const step = this.#step;
    if (this.random.chance(40)) {
      const promise = (): void => {
        const promised = this.steps[step];
        if (promised !== undefined) promised.durableEvent = this.target.events;
      };
      let early = false;
      this.target.startSync(() => {
        early = true;
        promise();
      });
      this.#record("start fsync", begin, early);
      return;
    }
    const result = this.target.sync();
    if (result < 0) throw new Error(`fsync: errno ${-result}`);
    this.#record("fsync", begin, !this.target.stopped);
  }

  /** What the timer does: nothing is promised. */
  commit(): void {
    this.target.rest(this.random);
    const begin = this.target.events;
    this.target.commit();
    this.#record("commit", begin, false);
  }

  /** Takes down the end. */
  ended(beginEvent: number): void {
    this.#record("unmount", beginEvent, true);
  }

  /** A step that gives a directory a new name. */
  #name(what: string, dir: Node, name: string, make: () => Node | number): Node | undefined {
    if (dir.children.has(name)) return undefined;
    let made: Node | undefined;
    this.#change(what, () => {
      const node = make();
      if (typeof node === "number") return node;
      dir.children.set(name, node);
      made = node;
      return 0;
    });
    return made;
  }

  #drop(dir: Node, name: string): void {
    const node = dir.children.get(name);
    dir.children.delete(name);
    if (node === undefined) return;
    if (node.kind === "directory") dir.links--;
    else node.links--;
  }

  /** One step. Some errors are answers; every other one is a fault of the workload. */
  #change(what: string, work: () => number): number {
    this.target.rest(this.random);
    const begin = this.target.events;
    const result = work();
    if (result === -ENOSPC || result === -EOPNOTSUPP) this.refused++;
    else if (result < 0) throw new Error(`${what}: errno ${-result}`);
    this.#record(what, begin, this.options.everyStepDurable === true);
    return result;
  }

  #record(name: string, beginEvent: number, durable: boolean): void {
    const snapshot = snapshotOf(this.root, (node) => {
      node.mtime = this.target.mtimeOf(node) ?? node.mtime;
    });
    const endEvent = this.target.events;
    this.steps.push({
      name,
      beginEvent,
      endEvent,
      ...(durable ? { durableEvent: endEvent } : {}),
      digest: digestOf(snapshot),
      snapshot,
    });
    if (durable && this.options.forgetsOld === true) this.#forget();
    if (this.target.stopped) throw new TargetGone();
  }

  /** Forgets the trees of all steps but the last. */
  #forget(): void {
    const last = this.steps.length - 1;
    while (this.#forgotten < last) {
      const step = this.steps[this.#forgotten];
      if (step === undefined) return;
      this.steps[this.#forgotten++] = { ...step, digest: "", snapshot: new Map() };
    }
  }
}
