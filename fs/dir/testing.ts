/**
 * What the tests of this folder share: images made by mke2fs, opened in memory, and checked by e2fsck.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Allocator, NEEDS_COMMIT } from "../alloc/allocator.ts";
import { MemoryDevice } from "../device/memory.ts";
import type { Handle } from "../journal/transaction.ts";
import { Incompat } from "../layout/features.ts";
import { S_IFDIR, S_IFREG } from "../layout/inode.ts";
import { runTool, toolMissing } from "../layout/testing.ts";
import { initialiseMap } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { Volume } from "../volume/volume.ts";
import { add, create, DirSlot, find, read, remove, replace } from "./dir.ts";

export { runTool, toolMissing };

/** Links that one target inode is given. */
const LINKS = 60000;

/** xorshift32, so that a failing run can be repeated from its seed. */
export class Random {
  #state: number;
  constructor(readonly seed: number) {
    this.#state = seed | 1;
  }
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
  below(limit: number): number {
    return this.next() % limit;
  }
}

/** A seed from the clock, or from the environment variable DIR_SEED. */
export function newSeed(): number {
  const given = Deno.permissions.querySync({ name: "env" }).state === "granted"
    ? Deno.env.get("DIR_SEED")
    : undefined;
  return given === undefined ? Date.now() >>> 0 : Number(given);
}

/** A name as it is kept in maps: a character a byte. */
export function textOf(name: Uint8Array): string {
  let text = "";
  for (const byte of name) text += String.fromCharCode(byte);
  return text;
}

export function nameOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A name of random bytes, high ones too. */
export function randomName(random: Random, longest: number): Uint8Array {
  const name = new Uint8Array(1 + random.below(longest));
  for (let i = 0; i < name.length; i++) {
    let byte = 0;
    while (byte === 0 || byte === 0x2f || byte === 0x2e) byte = random.below(256);
    name[i] = byte;
  }
  return name;
}

/** Runs `body` with a new folder (in memory if possible), removed afterwards. */
export function withFolder(body: (folder: string) => void): void {
  let dir: string | undefined = "/dev/shm";
  try {
    Deno.statSync(dir);
  } catch {
    dir = undefined;
  }
  const folder = Deno.makeTempDirSync({ prefix: "kfs_dir_", dir });
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** An opened image and what tests do with it. */
export class TestVolume {
  readonly volume: Volume;
  readonly alloc: Allocator;
  readonly slot = new DirSlot();
  #target: Inode | undefined;

  constructor(
    readonly device: MemoryDevice,
    report: (message: string) => void = (message) => console.log(message),
  ) {
    this.volume = new Volume(device, {
      readOnly: false,
      cacheBytes: 256 << 20,
      cachedInodes: 10000,
      clock: { seconds: 1_700_000_000, nanoseconds: 0, read: () => {} },
      report,
    });
    this.alloc = new Allocator(this.volume);
    this.volume.start();
  }

  /** An image made by mke2fs. */
  static make(folder: string, options: readonly string[], size: string): TestVolume {
    const path = `${folder}/made.img`;
    runTool("mke2fs", ["-q", "-F", ...options, path, size]);
    return TestVolume.open(path);
  }

  /** A copy of an image file, in memory. */
  static open(path: string): TestVolume {
    return new TestVolume(MemoryDevice.from(Deno.readFileSync(path)));
  }

  /** Runs an operation; commits and tries once more when it answers NEEDS_COMMIT. */
  operate(body: (handle: Handle) => number): number {
    for (let tries = 0; tries < 2; tries++) {
      const handle = this.volume.begin(64);
      try {
        const result = body(handle);
        if (result !== NEEDS_COMMIT) return result;
      } finally {
        handle.end();
      }
      this.volume.commit(false);
    }
    return NEEDS_COMMIT;
  }

  get root(): Inode {
    return this.volume.inodes.get(2);
  }

  /** A new directory in `parent`. */
  mkdir(parent: Inode, name: string): Inode {
    let made: Inode | undefined;
    const result = this.operate((handle) => {
      const inode = this.#newInode(handle, parent, S_IFDIR | 0o755);
      inode.links = 2;
      const created = create(this.alloc, handle, inode, parent.ino);
      if (created !== 0) return created;
      parent.links++;
      this.volume.dirtyInode(handle, parent);
      made = inode;
      return add(this.alloc, handle, parent, nameOf(name), inode.ino, 2);
    });
    assert.equal(result, 0);
    assert.ok(made !== undefined);
    return made;
  }

  /** A file that another link can be made to. */
  target(handle: Handle): Inode {
    if (this.#target === undefined || this.#target.links >= LINKS) {
      this.#target = this.#newInode(handle, this.root, S_IFREG | 0o644);
    }
    return this.#target;
  }

  /** Adds a link to some file. Returns its inode number or a negative errno. */
  link(dir: Inode, name: Uint8Array): number {
    return this.operate((handle) => {
      const target = this.target(handle);
      const result = add(this.alloc, handle, dir, name, target.ino, 1);
      if (result !== 0) return result;
      target.links++;
      this.volume.dirtyInode(handle, target);
      return target.ino;
    });
  }

  /** The inode number that a name leads to, 0 for none. */
  lookup(dir: Inode, name: Uint8Array): number {
    return find(this.alloc, dir, name, this.slot);
  }

  /** Removes a name and its link. */
  unlink(dir: Inode, name: Uint8Array): void {
    this.operate((handle) => {
      const ino = find(this.alloc, dir, name, this.slot);
      assert.ok(ino > 0, `unlink: no ${textOf(name)}`);
      remove(this.alloc, handle, dir, this.slot);
      this.#drop(handle, ino);
      return 0;
    });
  }

  /** Makes a name lead to the current target. Returns its inode number. */
  relink(dir: Inode, name: Uint8Array): number {
    return this.operate((handle) => {
      const ino = find(this.alloc, dir, name, this.slot);
      assert.ok(ino > 0, `relink: no ${textOf(name)}`);
      const target = this.target(handle);
      replace(this.alloc, handle, dir, this.slot, target.ino, 1);
      target.links++;
      this.volume.dirtyInode(handle, target);
      this.#drop(handle, ino);
      return target.ino;
    });
  }

  /** All names (without "." and ".."), in reading order, `batch` entries a call. */
  list(dir: Inode, batch = 1000): Map<string, number> {
    const found = new Map<string, number>();
    let cookie = 0;
    for (let more = true; more;) {
      more = false;
      let left = batch;
      read(this.alloc, dir, cookie, (bytes, start, end, ino, next) => {
        const name = bytes.subarray(start, end);
        if (left-- === 0) {
          more = true;
          return false;
        }
        const text = textOf(name);
        if (text !== "." && text !== "..") {
          assert.ok(!found.has(text), `given twice: ${text}`);
          found.set(text, ino);
        }
        assert.ok(next > cookie && next <= Number.MAX_SAFE_INTEGER);
        cookie = next;
        return true;
      });
    }
    return found;
  }

  /** Commits and writes the image to a file. */
  save(path: string): void {
    this.volume.commit(true);
    const file = Deno.openSync(path, { write: true, create: true, truncate: true });
    const chunk = new Uint8Array(1 << 20);
    try {
      file.truncateSync(this.device.sizeBytes);
      for (let at = 0; at < this.device.sizeBytes; at += chunk.length) {
        const part = chunk.subarray(0, Math.min(chunk.length, this.device.sizeBytes - at));
        this.device.read(part, at);
        if (part.every((byte) => byte === 0)) continue;
        file.seekSync(at, Deno.SeekMode.Start);
        file.writeSync(part);
      }
    } finally {
      file.close();
    }
  }

  /** Commits and lets e2fsck look. */
  check(folder: string): void {
    const path = `${folder}/checked.img`;
    this.save(path);
    checkImage(path);
  }

  #newInode(handle: Handle, parent: Inode, mode: number): Inode {
    const ino = this.alloc.allocateInode(handle, parent, mode);
    assert.ok(ino > 0, `allocateInode: ${ino}`);
    const inode = this.volume.inodes.fresh(ino);
    inode.mode = mode;
    inode.generation = ino;
    if (inode.raw.length > 128) inode.extraBytes = 32;
    inode.updateChecksumSeed();
    initialiseMap(inode, this.volume.superblock.hasIncompat(Incompat.EXTENTS));
    this.volume.dirtyInode(handle, inode);
    return inode;
  }

  #drop(handle: Handle, ino: number): void {
    const inode = this.volume.inodes.get(ino);
    inode.links--;
    this.volume.dirtyInode(handle, inode);
    if (inode.links > 0) return;
    if (this.#target === inode) this.#target = undefined;
    inode.dtime = 1_700_000_000;
    this.alloc.freeInode(handle, ino, false);
  }
}

/** Asserts that `e2fsck -fn` finds nothing wrong. */
export function checkImage(path: string): void {
  const { code, stdout } = new Deno.Command("e2fsck", { args: ["-fn", path], env: { LC_ALL: "C" } })
    .outputSync();
  assert.equal(code, 0, new TextDecoder().decode(stdout).slice(0, 3000));
}
