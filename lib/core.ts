/**
 * What all operations of the library share: the engine, one place where failures become `FsError`s,
 * path walks, and what is open.
 *
 * @module
 */

import { EBADF, EINVAL, ENOENT } from "../fs/errno.ts";
import type { Credentials, Engine } from "../fs/ops/engine.ts";
import { closeEngine } from "../fs/ops/open_volume.ts";
import type { Inode } from "../fs/volume/inode.ts";
import { FsError, fsErrorOf } from "./fs_error.ts";
import { ArgumentError, bytesOf, type Path, textOf } from "./path.ts";
import { Resolver } from "./resolve.ts";

const OPERATIONS_A_TIDY = 128;
/** How many changed inodes may wait for the next commit: while they do they cannot be dropped from memory. */
const MAX_DIRTY_INODES = 4096;

/** How often the block of multiple mount protection is looked at while the program runs its event loop. */
const GUARD_MS = 1000;

/** Something that is to be let go before the image is closed. */
export interface Releasable {
  /** Called within an operation. */
  release(): void;
}

/** An opened image, below the classes that callers see. */
export class Core {
  readonly resolver: Resolver;
  readonly openFiles = new Set<Releasable>();
  readonly blockBytes: number;
  #closed = false;
  /** Renews the multiple mount protection; does not keep the program alive. */
  readonly #guardTimer: ReturnType<typeof setInterval> | undefined;
  /** Operations since `tidy` last did something. */
  #untidy = 0;
  #operation = "";
  #path: Path = "";
  #newPath: Path | undefined;

  /**
   * @param name names the image in errors.
   * @param owner of new nodes.
   */
  constructor(readonly engine: Engine, readonly name: string, readonly owner: Credentials) {
    this.resolver = new Resolver(engine);
    this.blockBytes = engine.volume.geometry.blockBytes;
    const { guard } = engine;
    if (guard === null) return;
    const timer = setInterval(() => guard.tick(), GUARD_MS);
    Deno.unrefTimer(timer);
    this.#guardTimer = timer;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Does one operation. Whatever it throws becomes an `FsError` that names it and its paths (but an `ArgumentError`).
   * @param path what it is about; for the image as a whole its name.
   */
  run<T>(operation: string, path: Path, work: () => T, newPath?: Path): T {
    const outer = [this.#operation, this.#path, this.#newPath] as const;
    this.#operation = operation;
    this.#path = path;
    this.#newPath = newPath;
    try {
      if (this.#closed) this.refuse(EBADF, "the image is closed");
      this.engine.guard?.tick();
      const result = work();
      this.tidy();
      return result;
    } catch (error) {
      throw this.#failure(error);
    } finally {
      [this.#operation, this.#path, this.#newPath] = outer;
    }
  }

  /** Between operations, and between the steps of a long one: keeps memory bounded, every now and then. */
  tidy(): void {
    if (++this.#untidy < OPERATIONS_A_TIDY || this.#closed) return;
    this.#untidy = 0;
    const { volume } = this.engine;
    if (volume.inodes.dirtyCount > MAX_DIRTY_INODES && !volume.readOnly) volume.commit(false);
    this.engine.trim();
  }

  /** Gives a result of the engine on. @throws FsError for a negated errno. */
  must(result: number): number {
    if (result < 0) this.refuse(-result);
    return result;
  }

  /** Ends the running operation with an error. @param text said in place of the number's usual text. */
  refuse(errno: number, text?: string): never {
    throw new FsError(errno, this.#operation, textOf(this.#path), {
      ...(text === undefined ? {} : { text }),
      ...(this.#newPath === undefined ? {} : { newPath: textOf(this.#newPath) }),
    });
  }

  /** The inode number that a path leads to. @param follow symbolic links in the last place too. */
  find(path: Path, follow: boolean): number {
    const found = this.must(this.resolver.walk(bytesOf(path), follow ? "always" : "with-slash"));
    return found === 0 ? this.refuse(ENOENT) : found;
  }

  /** As `find`, the inode itself: to be used within the running operation only. */
  findInode(path: Path, follow: boolean): Inode {
    return this.engine.inode(this.find(path, follow));
  }

  /** Writes everything out. */
  sync(): void {
    this.run("sync", this.name, () => this.engine.sync(true));
  }

  /** Lets go of open files, writes everything out, marks the image as clean. Later calls do nothing. */
  close(): void {
    if (this.#closed) return;
    this.run("close", this.name, () => {
      try {
        for (const file of [...this.openFiles]) file.release();
        this.openFiles.clear();
        closeEngine(this.engine);
      } finally {
        this.#closed = true;
        clearInterval(this.#guardTimer);
        this.engine.volume.device.close();
      }
    });
  }

  #failure(error: unknown): Error {
    if (error instanceof FsError || error instanceof ArgumentError) return error;
    // Damage of the image is recorded in it; `errors=` decides what follows.
    this.engine.volume.fail(error, this.#operation);
    const newPath = this.#newPath === undefined ? undefined : textOf(this.#newPath);
    return fsErrorOf(error, this.#operation, textOf(this.#path), newPath);
  }
}

/** Throws unless `value` is a whole number of at least 0 that counts bytes. */
export function checkBytes(core: Core, value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  return core.refuse(EINVAL, `${what} ${value} is not a number of bytes`);
}
