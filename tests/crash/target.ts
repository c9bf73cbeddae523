/**
 * On what a workload works: the engine in this process, or a mount.
 *
 * @module
 */

import type { Random } from "../harness/seed.ts";
import type { Node } from "./model.ts";

/** What a workload may do. Numbers are results: negative ones are negated errnos. */
export interface Target {
  readonly blockBytes: number;
  /** Events of the recording device so far; 0 where there is none. */
  readonly events: number;
  /** The file system has gone: the last result is not known. */
  readonly stopped: boolean;
  /** @returns a number for the new node; so do `makeDirectory` and `makeSymlink`. */
  makeFile(dir: Node, name: string): number;
  makeDirectory(dir: Node, name: string): number;
  makeSymlink(dir: Node, name: string, target: string): number;
  link(node: Node, dir: Node, name: string): number;
  unlink(dir: Node, name: string): number;
  removeDirectory(dir: Node, name: string): number;
  rename(from: Node, name: string, to: Node, newName: string, exchange: boolean): number;
  /** @returns bytes written. */
  write(node: Node, offset: number, bytes: Uint8Array<ArrayBuffer>): number;
  truncate(node: Node, size: number): number;
  punch(node: Node, offset: number, length: number): number;
  /** Allocates blocks; the size stays. */
  allocate(node: Node, offset: number, length: number): number;
  /** Brings pieces of a file together, where that can be done from here. */
  defragment(node: Node): number;
  chmod(node: Node, mode: number): number;
  setXattr(node: Node, name: string, value: Uint8Array<ArrayBuffer>): number;
  removeXattr(node: Node, name: string): number;
  /** From now on the file outlives its names, until `close`. */
  open(node: Node): void;
  close(node: Node): number;
  /** Everything is durable afterwards. */
  sync(): number;
  /** Begins to make everything durable; `done` is called when it is. */
  startSync(done: () => void): void;
  /** Lets what the timer does happen now. */
  commit(): void;
  /** Some time passes. */
  rest(random: Random): void;
  /** Seconds; undefined when it is not to be looked at, or as it was. */
  mtimeOf(node: Node): number | undefined;
}
