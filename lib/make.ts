/**
 * Making names: directories, device nodes, symbolic and hard links.
 *
 * @module
 */

import { EEXIST, EINVAL, ENOENT, ENOTDIR } from "../fs/errno.ts";
import { makeDevice } from "../fs/layout/device_number.ts";
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFREG, S_IFSOCK } from "../fs/layout/inode.ts";
import { makeNode } from "../fs/ops/create.ts";
import { link as linkInode } from "../fs/ops/link.ts";
import { makeDirectory } from "../fs/ops/make_directory.ts";
import { makeSymlink, readSymlink, shownSize } from "../fs/ops/symlink.ts";
import type { Core } from "./core.ts";
import type { ModeOptions } from "./node_options.ts";
import { bytesOf, type Path } from "./path.ts";

/** Permission bits of new directories and of all other new nodes. */
export const DIRECTORY_MODE = 0o755;
export const FILE_MODE = 0o644;
/** Longest symbolic link's target in bytes. */
const LONGEST_TARGET = 65536;
const MODE_BITS = 0o7777;

/** How `mkdir` works. */
export interface MkdirOptions extends ModeOptions {
  /** Make the directories on the way too; one that is there already is no error. Default false. */
  readonly recursive?: boolean;
}

/** What `mknod` makes. */
export interface MknodOptions extends ModeOptions {
  readonly type: "file" | "fifo" | "socket" | "character" | "block";
  /** Of a device: 0 to 4095. Default 0. */
  readonly major?: number;
  /** Of a device: 0 to 1048575. Default 0. */
  readonly minor?: number;
}

const TYPES: Readonly<Record<MknodOptions["type"], number>> = {
  file: S_IFREG,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
  character: S_IFCHR,
  block: S_IFBLK,
};

/** A directory and a name that is free in it, valid until the next walk. */
interface FreeName {
  readonly parent: number;
  readonly name: Uint8Array;
}

/** Finds where a new name goes. @param directory a slash may follow the name. */
export function findFreeName(core: Core, path: Path, directory = false): FreeName {
  const { resolver } = core;
  if (core.must(resolver.walk(bytesOf(path), "never")) !== 0) core.refuse(EEXIST);
  if (resolver.trailingSlash && !directory) core.refuse(ENOENT);
  const { parent, name } = resolver;
  return { parent, name };
}

export function mkdir(core: Core, path: Path, options: MkdirOptions): void {
  const mode = (options.mode ?? DIRECTORY_MODE) & MODE_BITS;
  core.run("mkdir", path, () => {
    if (options.recursive === true) {
      makeAll(core, path, mode);
      return;
    }
    const { parent, name } = findFreeName(core, path, true);
    core.must(makeDirectory(core.engine, core.owner, parent, name, mode, 0));
  });
}

function makeAll(core: Core, path: Path, mode: number): void {
  const { resolver, engine, owner } = core;
  resolver.makeMissing = (parent, name) => makeDirectory(engine, owner, parent, name, mode, 0);
  try {
    const found = resolver.walk(bytesOf(path), "always");
    // A symbolic link that leads nowhere is in the way.
    if (found === 0) core.refuse(EEXIST);
    const isNoDirectory = found > 0 && !engine.inode(found).isDirectory;
    if (isNoDirectory) core.refuse(resolver.trailingSlash ? ENOTDIR : EEXIST);
    core.must(found);
  } finally {
    resolver.makeMissing = null;
  }
}

export function mknod(core: Core, path: Path, options: MknodOptions): void {
  const { type, major = 0, minor = 0 } = options;
  const mode = TYPES[type] | ((options.mode ?? FILE_MODE) & MODE_BITS);
  core.run("mknod", path, () => {
    const inRange = major >= 0 && major <= 0xfff && minor >= 0 && minor <= 0xfffff;
    if (!inRange || !Number.isInteger(major + minor)) {
      core.refuse(EINVAL, `${major}:${minor} is no device number`);
    }
    const { parent, name } = findFreeName(core, path);
    core.must(makeNode(core.engine, core.owner, parent, name, mode, 0, makeDevice(major, minor)));
  });
}

export function symlink(core: Core, target: Path, path: Path): void {
  core.run("symlink", target, () => {
    const bytes = bytesOf(target);
    if (bytes.includes(0)) core.refuse(EINVAL, "the target holds a NUL");
    const { parent, name } = findFreeName(core, path);
    core.must(makeSymlink(core.engine, core.owner, parent, name, bytes));
  }, path);
}

/** The target of a symbolic link, as bytes. */
export function readLink(core: Core, path: Path): Uint8Array {
  return core.run("readLink", path, () => {
    const ino = core.find(path, false);
    const size = Math.min(shownSize(core.engine.inode(ino)), LONGEST_TARGET);
    const target = new Uint8Array(size);
    return target.subarray(0, core.must(readSymlink(core.engine, ino, target)));
  });
}

export function link(core: Core, oldPath: Path, newPath: Path): void {
  core.run("link", oldPath, () => {
    const ino = core.find(oldPath, false);
    const { parent, name } = findFreeName(core, newPath);
    core.must(linkInode(core.engine, ino, parent, name));
  }, newPath);
}

/** The path of a node without symbolic links, "." and "..", as bytes. */
export function realPath(core: Core, path: Path): Uint8Array {
  return core.run("realPath", path, () => {
    const trail: Uint8Array[] = [];
    core.resolver.trail = trail;
    try {
      core.find(path, true);
    } finally {
      core.resolver.trail = null;
    }
    return joined(trail);
  });
}

function joined(names: readonly Uint8Array[]): Uint8Array {
  const length = names.reduce((sum, name) => sum + 1 + name.length, 0);
  const path = new Uint8Array(Math.max(1, length)).fill(0x2f);
  let position = 0;
  for (const name of names) {
    path.set(name, position + 1);
    position += 1 + name.length;
  }
  return path;
}
