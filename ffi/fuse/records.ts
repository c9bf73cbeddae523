/**
 * The records that the server hands to a file system to be filled, made once and reused.
 *
 * @module
 */

import type { Attributes, Caller, Entry, Opened, SetAttributes, Statfs } from "./port.ts";

/** Attributes with every field 0. */
export function emptyAttributes(): Attributes {
  return {
    ino: 0,
    size: 0,
    blocks: 0,
    atime: 0,
    atimeNsec: 0,
    mtime: 0,
    mtimeNsec: 0,
    ctime: 0,
    ctimeNsec: 0,
    btime: 0,
    btimeNsec: 0,
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    rdev: 0,
    blksize: 0,
    statxAttributes: 0,
    flags: 0,
  };
}

/** An entry with every field 0. */
export function emptyEntry(): Entry {
  return {
    node: 0,
    generation: 0,
    entryValidMs: 0,
    attributesValidMs: 0,
    attributes: emptyAttributes(),
  };
}

export function emptyCaller(): Caller {
  return { unique: 0, uid: 0, gid: 0, pid: 0 };
}

export function emptyOpened(): Opened {
  return { handle: 0, flags: 0 };
}

export function emptyStatfs(): Statfs {
  return {
    blocks: 0,
    blocksFree: 0,
    blocksAvailable: 0,
    files: 0,
    filesFree: 0,
    blockBytes: 0,
    fragmentBytes: 0,
    nameMax: 0,
  };
}

export function emptyChange(): SetAttributes {
  return {
    valid: 0,
    handle: 0,
    size: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    atime: 0,
    atimeNsec: 0,
    mtime: 0,
    mtimeNsec: 0,
    ctime: 0,
    ctimeNsec: 0,
  };
}
