/**
 * What is done with a mutated image: everything is looked at, then changed, synced and closed.
 *
 * @module
 */

import {
  type BlockDevice,
  Corrupt,
  DeviceError,
  FsError,
  type Image,
  open,
  type OpenOptions,
  Unsupported,
} from "../../mod.ts";
import { check } from "../../fs/check/check.ts";
import { FsError as EngineError } from "../../fs/errors.ts";
import { InodeFlag } from "../../fs/layout/inode.ts";
import type { Random } from "../harness/seed.ts";

const MOST_ENTRIES = 1500;
const PIECE_BYTES = 1 << 16;
const MOST_BYTES = 8 << 20;
const MOST_SEEKS = 30;

/** Numbers of what was done. */
export interface Tally {
  entries: number;
  typedErrors: number;
  changes: number;
}

/** Whether an error is one that the library is meant to throw. */
export function isExpected(error: unknown): boolean {
  if (error instanceof Corrupt || error instanceof Unsupported) return true;
  if (error instanceof DeviceError || error instanceof EngineError) return true;
  if (!(error instanceof FsError)) return false;
  return error.cause === undefined || isExpected(error.cause);
}

/** The stack of the error below, on one line. */
export function stackOf(error: unknown): string {
  const cause = error instanceof FsError && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const lines = (cause.stack ?? cause.message).split("\n").slice(0, 9);
  return lines.map((line) => line.trim().replace(/\(?file:\/\/.*\/(fs|lib|ffi)\//, "$1/")).join(
    " | ",
  );
}

/** Works on one image; faults are collected, and expected errors counted. */
export class Exercise {
  readonly faults: string[] = [];
  readonly tally: Tally = { entries: 0, typedErrors: 0, changes: 0 };
  readonly #paths: Uint8Array[] = [];
  readonly #piece = new Uint8Array(PIECE_BYTES);
  #bytes = 0;
  #names = 0;

  /** @param touched if given, is told of the inodes that changes concern. */
  constructor(
    readonly device: BlockDevice,
    readonly random: Random,
    readonly touched?: Set<number>,
  ) {}

  run(): void {
    const { random } = this;
    if (random.chance(25)) this.#check();
    if (random.chance(35)) this.#readOnly({ readOnly: true });
    if (random.chance(8)) this.#readOnly({ readOnly: true, noRecovery: true });
    const image = this.#open({
      errors: random.pick(["continue", "continue", "remount-ro"]),
      accessTime: random.pick(["noatime", "strictatime"]),
      dataMode: random.pick(["ordered", "writeback", "journal"]),
    });
    if (image === undefined) {
      this.#readOnly({ readOnly: true });
      return;
    }
    this.#walk(image);
    this.#change(image);
    this.#try("close", () => image.close());
    if (random.chance(40)) this.#readOnly({ readOnly: true });
  }

  #try<Result>(what: string, action: () => Result): Result | undefined {
    try {
      return action();
    } catch (error) {
      if (isExpected(error)) this.tally.typedErrors++;
      else this.faults.push(`${what}: ${stackOf(error)}`);
      return undefined;
    }
  }

  #open(options: OpenOptions): Image | undefined {
    // Little is kept, so that memory is given up and read again on the way.
    const cache = this.random.pick([20_000, 1 << 20]);
    const discard = this.random.chance(20);
    const { random } = this;
    return this.#try("open", () =>
      open(this.device, {
        ...options,
        cache,
        discard,
        random: () => random.next(),
        clock: () => ({ seconds: 1_700_000_100, nanoseconds: 0 }),
        // Nobody else is there whose sign of life would take seconds.
        wait: () => true,
      }));
  }

  /** The checker must live through everything too. */
  #check(): void {
    this.#try("check", () => check(this.device, { now: 1_700_000_100 }));
  }

  #readOnly(options: OpenOptions): void {
    const image = this.#open(options);
    if (image === undefined) return;
    this.#walk(image);
    this.#try("statfs", () => image.statfs());
    this.#try("close", () => image.close());
  }

  #walk(image: Image): void {
    this.#paths.length = 0;
    const folders: Uint8Array[] = [new Uint8Array([0x2f])];
    for (let entries = 0; entries < MOST_ENTRIES && folders.length > 0;) {
      const folder = folders.pop();
      if (folder === undefined) return;
      const iterator = this.#try("readDir", () => image.readDir(folder));
      for (; entries < MOST_ENTRIES && iterator !== undefined; entries++) {
        const next = this.#try("readDir", () => iterator.next());
        if (next === undefined || next.done === true) break;
        const { nameBytes, isDirectory, isFile } = next.value;
        const path = new Uint8Array(folder.length + 1 + nameBytes.length);
        path.set(folder);
        path[folder.length] = 0x2f;
        path.set(nameBytes, folder.length + 1);
        this.#paths.push(path);
        if (isDirectory && path.length < 400) folders.push(path);
        this.tally.entries++;
        this.#look(image, path, isFile);
      }
    }
  }

  #look(image: Image, path: Uint8Array, isFile: boolean): void {
    const info = this.#try("lstat", () => image.lstat(path));
    if (info === undefined) return;
    if (info.isSymlink) {
      this.#try("readLink", () => image.readLink(path));
      this.#try("stat", () => image.stat(path));
      return;
    }
    const names = this.#try("listXattrs", () => image.listXattrs(path)) ?? [];
    for (const name of names) this.#try("getXattr", () => image.getXattr(path, name));
    this.#try("getFlags", () => image.getFlags(path));
    if (isFile || info.isFile) this.#read(image, path, info.size);
  }

  #read(image: Image, path: Uint8Array, size: number): void {
    for (let at: number | null = 0, seeks = 0; seeks < MOST_SEEKS && at !== null; seeks++) {
      const from: number = at;
      const data = this.#try("seekData", () => image.seekData(path, from));
      if (data === undefined || data === null) break;
      at = this.#try("seekHole", () => image.seekHole(path, data)) ?? null;
    }
    const file = this.#try("open", () => image.open(path));
    if (file === undefined) return;
    const places = size > PIECE_BYTES ? [0, size - PIECE_BYTES, Math.floor(size / 2)] : [0];
    for (const offset of places) {
      if (this.#bytes > MOST_BYTES) break;
      this.#bytes += this.#try("read", () => file.readAt(this.#piece, offset)) ?? 0;
    }
    this.#try("close", () => file.close());
  }

  #change(image: Image): void {
    const { random } = this;
    for (let left = random.between(4, 40); left > 0; left--) {
      const [name, change] = random.pick(CHANGES);
      const path = this.#pick();
      this.tally.changes++;
      this.#touch(image, path);
      this.#try(name, () => change(image, path, random, () => this.#fresh()));
    }
  }

  /** Remembers what a change of `path` may concern: itself, what it links to, all below it. */
  #touch(image: Image, path: Uint8Array): void {
    if (this.touched === undefined) return;
    this.#touchOne(image, path);
    this.#touchOne(image, encoder.encode(SECOND));
    const isBelow = (other: Uint8Array): boolean =>
      other.length > path.length && path.every((byte, index) => other[index] === byte);
    for (const other of this.#paths) if (isBelow(other)) this.#touchOne(image, other);
  }

  #touchOne(image: Image, path: Uint8Array): void {
    for (const look of ["lstat", "stat"] as const) {
      const info = this.#try(look, () => image[look](path));
      if (info !== undefined) this.touched?.add(info.ino);
    }
  }

  #pick(): Uint8Array {
    const { random } = this;
    return this.#paths.length === 0 ? new Uint8Array([0x2f]) : random.pick(this.#paths);
  }

  /** A name that is not there, in the root or in a folder of the image. */
  #fresh(): Uint8Array {
    const near = this.#pick();
    const folder = this.random.chance(50) ? near.subarray(0, near.lastIndexOf(0x2f) + 1) : ROOT;
    const name = encoder.encode(`${"fresh ".repeat(this.random.below(20))}${this.#names++}`);
    const path = new Uint8Array(folder.length + name.length);
    path.set(folder);
    path.set(name, folder.length);
    return path;
  }
}

const encoder = new TextEncoder();
const ROOT = new Uint8Array([0x2f]);
/** The other file of operations on two. */
const SECOND = "/size-1024";

type Change = (image: Image, path: Uint8Array, random: Random, fresh: () => Uint8Array) => void;

function noise(random: Random, most: number): Uint8Array {
  return new Uint8Array(random.between(1, most)).fill(random.below(256));
}

function place(random: Random): number {
  return random.pick([0, 1, 1000, 4096, 65_536, random.below(100_000), 2 ** 31, 2 ** 34]);
}

/** Fills a folder until it has grown some blocks. */
const fillFolder: Change = (image, path, random) => {
  const name = "x".repeat(random.between(1, 200));
  const folder = new TextDecoder().decode(path);
  for (let index = 0; index < 30; index++) image.writeFile(`${folder}/${name}${index}`, ROOT);
};

const CHANGES: readonly (readonly [string, Change])[] = [
  ["writeFile", (image, _, random, fresh) => image.writeFile(fresh(), noise(random, 20_000))],
  ["append", (image, path, random) => {
    image.writeFile(path, noise(random, 9000), { append: true, create: false });
  }],
  ["overwrite", (image, path, random) => {
    using file = image.open(path, { read: true, write: true });
    file.writeAt(noise(random, 5000), place(random));
  }],
  ["truncate", (image, path, random) => image.truncate(path, place(random))],
  ["truncate to nothing", (image, path) => image.truncate(path, 0)],
  ["remove", (image, path) => image.remove(path)],
  ["remove", (image, path) => image.remove(path, { recursive: true })],
  ["rename", (image, path, _, fresh) => image.rename(path, fresh())],
  ["rename over", (image, path, random) => {
    image.rename(path, SECOND, { exchange: random.chance(50) });
  }],
  ["link", (image, path, _, fresh) => image.link(path, fresh())],
  ["mkdir", (image, _, __, fresh) => image.mkdir(fresh())],
  ["fill a folder", fillFolder],
  ["symlink", (image, path, _, fresh) => image.symlink(path, fresh())],
  ["mknod", (image, _, __, fresh) => image.mknod(fresh(), { type: "fifo" })],
  ["setXattr", (image, path, random) => {
    image.setXattr(
      path,
      `user.${random.below(4)}`,
      noise(random, random.pick([10, 100, 900, 9000])),
    );
  }],
  ["removeXattr", (image, path, random) => {
    image.removeXattr(path, random.pick(["user.value-40", "user.small", "user.same", "user.0"]));
  }],
  ["fallocate", (image, path, random) => {
    image.fallocate(path, place(random), random.between(1, 300_000), {
      mode: random.pick(["allocate", "punchHole", "zeroRange"]),
      keepSize: random.chance(50),
    });
  }],
  ["shift", (image, path, random) => {
    const { bsize } = image.statfs();
    const mode = random.pick(["collapseRange", "insertRange"] as const);
    image.fallocate(path, bsize * random.below(5), bsize * random.between(1, 5), { mode });
  }],
  ["chmod", (image, path) => image.chmod(path, 0o640)],
  ["chown", (image, path) => image.chown(path, 70_000, 5)],
  ["utime", (image, path) => image.utime(path, new Date(5), new Date(6e12))],
  ["setFlags", (image, path, random) => {
    image.setFlags(path, random.pick([0, InodeFlag.NODUMP, InodeFlag.EXTENTS]));
  }],
  ["copyFile", (image, path, _, fresh) => image.copyFile(path, fresh())],
  ["sync", (image) => image.sync()],
  ["trim", (image) => void image.trim()],
  ["write and remove while open", (image, _, random, fresh) => {
    const path = fresh();
    const file = image.create(path);
    image.remove(path);
    file.write(noise(random, 5000));
    if (random.chance(80)) file.close();
  }],
];
