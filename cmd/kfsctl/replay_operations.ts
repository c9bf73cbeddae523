/**
 * What a replay does for each kind of request. An answer of undefined: it cannot be done, because the name of a node is
 * not known.
 *
 * @module
 */

import { SET_ATIME, SET_GID, SET_MODE, SET_MTIME, SET_SIZE, SET_UID } from "../../ffi/fuse/port.ts";
import { O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_RDWR } from "../../ffi/libc/constants.ts";
import { readNames } from "../../ffi/libc/directory.ts";
import { close } from "../../ffi/libc/file.ts";
import type { TraceLine } from "../shared/trace_file.ts";
import * as calls from "./replay_calls.ts";
import type { OpenFiles } from "./replay_files.ts";

/** A name in an open directory. */
export interface Place {
  readonly directory: number;
  readonly name: string;
}

/** What operations work on. */
export interface ReplayWorld {
  readonly files: OpenFiles;
  /** The node's directory, opened for this request; undefined when its name is not known. */
  directory(node: number): number | undefined;
  /** Where the node is. */
  place(node: number): Place | undefined;
}

type Play = (world: ReplayWorld, line: TraceLine) => number | undefined;

const EINVAL = 22;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFIFO = 0o010000;
const S_IFSOCK = 0o140000;
const FDATASYNC = 1;
/** The kernel sends no larger ones. */
const MAX_BYTES = 1 << 20;
const content = new Uint8Array(MAX_BYTES).fill(0x6b);
const target = new Uint8Array(MAX_BYTES);

function isName(name: string | undefined): name is string {
  return name !== undefined && name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}

/** Something with a name in a directory that the request's node is. */
function inDirectory(act: (directory: number, name: string, line: TraceLine) => number): Play {
  return (world, line) => {
    const directory = world.directory(line.node);
    if (directory === undefined || !isName(line.name)) return undefined;
    return act(directory, line.name, line);
  };
}

/** Something with a node by its name. */
function byPlace(act: (place: Place, line: TraceLine) => number): Play {
  return (world, line) => {
    const place = world.place(line.node);
    return place === undefined ? undefined : act(place, line);
  };
}

/** Something with an open file; one that is not open is opened for it. */
function byDescriptor(act: (descriptor: number, line: TraceLine) => number): Play {
  return (world, line) => {
    const opened = world.files.get(line.node);
    if (opened !== undefined) return act(opened, line);
    const place = world.place(line.node);
    if (place === undefined) return undefined;
    const descriptor = openAsPossible(place);
    if (descriptor < 0) return descriptor;
    try {
      return act(descriptor, line);
    } finally {
      close(descriptor);
    }
  };
}

function openAsPossible({ directory, name }: Place): number {
  const descriptor = calls.openFile(directory, name, O_RDWR, 0);
  return descriptor >= 0 ? descriptor : calls.openFile(directory, name, O_RDONLY, 0);
}

function bytesOf(size: number | undefined, from: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return from.subarray(0, Math.max(0, Math.min(size ?? 0, MAX_BYTES)));
}

/** Offsets of traces may be anything. */
function offsetOf(offset: number | undefined): number {
  return Number.isSafeInteger(offset) ? offset ?? 0 : -1;
}

const create: Play = (world, line) => {
  const directory = world.directory(line.node);
  if (directory === undefined || !isName(line.name)) return undefined;
  const flags = O_RDWR | O_CREAT | ((line.flags ?? 0) & O_EXCL);
  const descriptor = calls.openFile(directory, line.name, flags, (line.mode ?? 0) & 0o7777);
  if (descriptor < 0) return descriptor;
  if (line.found === undefined) close(descriptor);
  else world.files.add(line.found, descriptor);
  return 0;
};

const openNode: Play = (world, line) => {
  if (world.files.share(line.node)) return 0;
  const place = world.place(line.node);
  if (place === undefined) return undefined;
  const descriptor = openAsPossible(place);
  if (descriptor < 0) return descriptor;
  world.files.add(line.node, descriptor);
  return 0;
};

const release: Play = (world, line) => {
  world.files.release(line.node);
  return 0;
};

const setAttributes: Play = (world, line) => {
  const place = world.place(line.node);
  if (place === undefined) return undefined;
  const { directory, name } = place;
  const { valid = 0, mode = 0, uid = 0, gid = 0 } = line;
  const has = (bit: number): boolean => (valid & bit) !== 0;
  const steps: (() => number | undefined)[] = [];
  if (has(SET_SIZE)) steps.push(() => resizeNode(world, line));
  if (has(SET_UID | SET_GID)) {
    const [user, group] = [has(SET_UID) ? uid : -1, has(SET_GID) ? gid : -1];
    steps.push(() => calls.changeOwner(directory, name, user, group));
  }
  if (has(SET_MODE)) steps.push(() => calls.changeMode(directory, name, mode));
  if (has(SET_ATIME | SET_MTIME)) {
    const atime = has(SET_ATIME) ? line.atime ?? 0 : undefined;
    const mtime = has(SET_MTIME) ? line.mtime ?? 0 : undefined;
    steps.push(() => calls.changeTimes(directory, name, atime, mtime));
  }
  for (const step of steps) {
    const result = step();
    if (result === undefined || result < 0) return result;
  }
  return 0;
};

const resizeNode = byDescriptor((file, { size }) => calls.resize(file, offsetOf(size)));

const rename: Play = (world, line) => {
  const from = world.directory(line.node);
  const to = world.directory(line.other ?? line.node);
  const { name, newName, flags = 0 } = line;
  if (from === undefined || to === undefined || !isName(name) || !isName(newName)) return undefined;
  return calls.rename(from, name, to, newName, flags);
};

const link: Play = (world, line) => {
  const from = world.place(line.other ?? 0);
  const to = world.directory(line.node);
  if (from === undefined || to === undefined || !isName(line.name)) return undefined;
  return calls.link(from.directory, from.name, to, line.name);
};

/** The first request for a listing reads all of it. */
const list: Play = (world, line) => {
  const place = world.place(line.node);
  if (place === undefined) return undefined;
  if (line.offset !== 0) return 0;
  const descriptor = calls.openFile(place.directory, place.name, O_RDONLY | O_DIRECTORY, 0);
  if (descriptor < 0) return descriptor;
  try {
    return readNames(descriptor).length;
  } finally {
    close(descriptor);
  }
};

const look = byPlace(({ directory, name }) => calls.lstat(directory, name));
const nothing: Play = () => 0;

/** By the operation's name. */
export const REPLAYS: Readonly<Record<string, Play>> = {
  LOOKUP: inDirectory((directory, name) => calls.lstat(directory, name)),
  GETATTR: look,
  STATX: look,
  ACCESS: look,
  SETATTR: setAttributes,
  READLINK: byPlace(({ directory, name }) => calls.readLink(directory, name)),
  SYMLINK: inDirectory((directory, name, line) =>
    calls.makeLink(directory, name, line.target?.replaceAll("\0", "") ?? "")
  ),
  MKNOD: inDirectory((directory, name, { mode = 0 }) => {
    // A device node could give access to a device: a file stands for it.
    const type = mode & S_IFMT;
    const isHarmless = type === S_IFREG || type === S_IFIFO || type === S_IFSOCK;
    return calls.makeNode(directory, name, (isHarmless ? type : S_IFREG) | (mode & 0o777));
  }),
  MKDIR: inDirectory((directory, name, { mode = 0 }) =>
    calls.makeDirectory(directory, name, mode & 0o7777)
  ),
  UNLINK: inDirectory((directory, name) => calls.unlink(directory, name, false)),
  RMDIR: inDirectory((directory, name) => calls.unlink(directory, name, true)),
  RENAME: rename,
  RENAME2: rename,
  LINK: link,
  CREATE: create,
  OPEN: openNode,
  RELEASE: release,
  FLUSH: nothing,
  OPENDIR: nothing,
  RELEASEDIR: nothing,
  READDIR: list,
  READDIRPLUS: list,
  READ: byDescriptor((file, { size, offset }) => {
    const at = offsetOf(offset);
    return at < 0 ? -EINVAL : calls.read(file, bytesOf(size, target), at);
  }),
  WRITE: byDescriptor((file, { size, offset }) => {
    const at = offsetOf(offset);
    return at < 0 ? -EINVAL : calls.write(file, bytesOf(size, content), at);
  }),
  FSYNC: byDescriptor((file, { flags = 0 }) => calls.sync(file, (flags & FDATASYNC) !== 0)),
  FSYNCDIR: byDescriptor((file, { flags = 0 }) => calls.sync(file, (flags & FDATASYNC) !== 0)),
  SYNCFS: byDescriptor((file) => calls.syncAll(file)),
  FALLOCATE: byDescriptor((file, { mode = 0, offset, size }) => {
    const [at, bytes] = [offsetOf(offset), offsetOf(size)];
    return at < 0 || bytes < 0 ? -EINVAL : calls.allocate(file, mode, at, bytes);
  }),
  GETXATTR: byPlace(({ directory, name }, line) =>
    calls.getXattr(directory, name, attributeOf(line))
  ),
  LISTXATTR: byPlace(({ directory, name }) => calls.listXattrs(directory, name)),
  SETXATTR: byPlace(({ directory, name }, line) =>
    calls.setXattr(directory, name, attributeOf(line), line.size ?? 0, line.flags ?? 0)
  ),
  REMOVEXATTR: byPlace(({ directory, name }, line) =>
    calls.removeXattr(directory, name, attributeOf(line))
  ),
};

function attributeOf({ name }: TraceLine): string {
  return (name ?? "").replaceAll("\0", "");
}
