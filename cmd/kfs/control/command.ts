/**
 * What a command of the control channel is, and what it works with.
 *
 * @module
 */

import type { FuseServer } from "../../../ffi/fuse/server.ts";
import type { Engine } from "../../../fs/ops/engine.ts";
import type { Ext4FileSystem } from "../../../fs/fuse/ext4_file_system.ts";
import type { ControlErrorKind, Progress } from "../../shared/control_protocol.ts";
import type { KfsOptions } from "../mount_options.ts";
import type { Jobs } from "./jobs.ts";

/** The mount that is asked. */
export interface MountContext {
  readonly engine: Engine;
  readonly fileSystem: Ext4FileSystem;
  readonly options: KfsOptions;
  readonly server: FuseServer;
  readonly jobs: Jobs;
  readonly mountedAt: Date;
  /**
   * The kernel forgets what it knows of an inode: attributes and, unless `length` is below 0, content from `offset` on
   * (bytes; `length` 0: to the end). For what a command changes, because the kernel keeps both for as long as it likes.
   */
  invalidateInode(ino: number, offset: number, length: number): void;
  /** The kernel forgets what a name in a directory leads to. */
  invalidateName(parent: number, name: Uint8Array): void;
  /** The last messages of the mount (damage, failures), the oldest first. */
  readonly messages: readonly string[];
}

/** Why a command was not done, in a line for people. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  constructor(readonly kind: ControlErrorKind, message: string) {
    super(message);
  }
}

/** The arguments of a command: JSON from outside, so each is looked at before use. */
export class Arguments {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: unknown) {
    if (typeof values !== "object" || values === null || Array.isArray(values)) {
      throw new ControlError("usage", "the arguments are no object");
    }
    this.#values = values as Readonly<Record<string, unknown>>;
  }

  /** Any value; undefined when it was not given. */
  get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  /** A text; `standard` when it was not given. @throws ControlError */
  text(name: string, standard?: string): string {
    const value = this.get(name) ?? standard;
    if (typeof value !== "string") throw wrong(name, "a text");
    return value;
  }

  /** A whole number from `least` to `most`. @throws ControlError */
  number(name: string, least: number, most: number, standard?: number): number {
    const value = this.get(name) ?? standard;
    const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= least &&
      value <= most;
    if (!fits) throw wrong(name, `a whole number from ${least} to ${most}`);
    return value;
  }

  /** True or false; false when it was not given. @throws ControlError */
  flag(name: string): boolean {
    const value = this.get(name) ?? false;
    if (typeof value !== "boolean") throw wrong(name, "true or false");
    return value;
  }
}

function wrong(name: string, wanted: string): ControlError {
  return new ControlError("usage", `${name} is not ${wanted}`);
}

/** Something that is done at once: within some milliseconds, because the mount stands still meanwhile. */
export interface ControlCommand {
  /** @returns what JSON can hold. @throws ControlError, or what the engine throws. */
  run(context: MountContext, args: Arguments): unknown;
}

/**
 * Something that takes longer: done in steps, between which the mount goes on serving. Each `yield` ends a
 * step, which should take less than 2 ms; what it returns is the result. A step leaves the file system
 * whole: other operations come in between, and none of what a step knew of blocks, inodes or buffers
 * need hold in the next. A job that is cancelled is ended at a `yield`, so `finally` blocks run.
 */
export interface ControlJob {
  /** Changes the file system: only one such job runs at a time. */
  readonly changes: boolean;
  start(context: MountContext, args: Arguments): Generator<Progress, unknown, void>;
}
