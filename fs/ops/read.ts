/** Reading file content. @module */

import { EISDIR } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import { lookup as lookupMap, newMapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { readInline } from "../xattr/inline_data.ts";
import type { Engine } from "./engine.ts";
import { mayUseContent } from "./sealed_content.ts";
import { patchFromJournal } from "./store_content.ts";

const mapping = newMapping();
/** A day: relatime updates an access time that is older. */
const RELATIME_SECONDS = 86400;

/**
 * Reads from `offset` into `target`; holes and unwritten extents read as zeros.
 * @returns bytes read: less than asked for only at the end of the file.
 * @throws Corrupt, DeviceError.
 */
export function readFile(
  engine: Engine,
  inode: Inode,
  offset: number,
  target: Uint8Array,
): number {
  const length = Math.min(target.length, inode.size - offset);
  if (length <= 0) return 0;
  if (inode.has(InodeFlag.INLINE_DATA)) {
    return readInline(engine.alloc, inode, offset, target.subarray(0, length));
  }
  readBlocks(engine, inode, offset, length === target.length ? target : target.subarray(0, length));
  return length;
}

/** Fills `target` from the file's blocks, wherever the file ends. */
export function readBlocks(
  engine: Engine,
  inode: Inode,
  offset: number,
  target: Uint8Array,
): void {
  const { blockBytes } = engine.volume.geometry;
  const { device, contentInLog } = engine.volume;
  const length = target.length;
  let done = 0;
  while (done < length) {
    const position = offset + done;
    const fileBlock = Math.floor(position / blockBytes);
    const within = position - fileBlock * blockBytes;
    const wanted = Math.ceil((within + length - done) / blockBytes);
    lookupMap(engine.alloc, inode, fileBlock, wanted, mapping);
    const bytes = Math.min(length - done, mapping.blocks * blockBytes - within);
    const part = bytes === length ? target : target.subarray(done, done + bytes);
    if (mapping.diskBlock === 0 || mapping.unwritten) part.fill(0);
    else {
      device.read(part, mapping.diskBlock * blockBytes + within);
      if (contentInLog) patchFromJournal(engine, mapping.diskBlock, within, part);
    }
    done += bytes;
  }
}

/** A part of a file's content that lies in one piece on the device. */
export interface ContentPiece {
  /** Byte of the range asked for at which it begins. */
  readonly at: number;
  readonly deviceOffset: number;
  readonly bytes: number;
}

/** Where `length` bytes of a file's blocks from `offset` on lie; what is left out reads as zeros. */
export function contentPieces(
  engine: Engine,
  inode: Inode,
  offset: number,
  length: number,
): ContentPiece[] {
  const { blockBytes } = engine.volume.geometry;
  const pieces: ContentPiece[] = [];
  for (let at = 0; at < length;) {
    const fileBlock = Math.floor((offset + at) / blockBytes);
    const within = offset + at - fileBlock * blockBytes;
    const wanted = Math.ceil((within + length - at) / blockBytes);
    lookupMap(engine.alloc, inode, fileBlock, wanted, mapping);
    const bytes = Math.min(length - at, mapping.blocks * blockBytes - within);
    if (mapping.diskBlock !== 0 && !mapping.unwritten) {
      pieces.push({ at, deviceOffset: mapping.diskBlock * blockBytes + within, bytes });
    }
    at += bytes;
  }
  return pieces;
}

/** Reads as `readFile` and updates the access time as the mount options say. @returns bytes, or a negated errno. */
export function read(engine: Engine, ino: number, offset: number, target: Uint8Array): number {
  const inode = engine.inode(ino);
  if (inode.isDirectory) return -EISDIR;
  const sealed = mayUseContent(inode, false);
  if (sealed < 0) return sealed;
  const count = readFile(engine, inode, offset, target);
  touchAccessTime(engine, inode);
  return count;
}

/** The node was read: sets its access time if the policy asks for it. */
export function touchAccessTime(engine: Engine, inode: Inode): void {
  const { accessTime, noDirectoryAccessTime } = engine.options;
  if (accessTime === "noatime" || engine.volume.readOnly || inode.has(InodeFlag.NOATIME)) return;
  if (inode.has(InodeFlag.IMMUTABLE) || (noDirectoryAccessTime && inode.isDirectory)) return;
  engine.readClock();
  if (accessTime === "relatime" && !isStale(engine, inode)) return;
  if (engine.options.lazyTime) {
    inode.atime = engine.now;
    inode.atimeNsec = engine.nowNsec;
    engine.addLazyTime(inode);
    return;
  }
  engine.change((handle) => {
    inode.atime = engine.now;
    inode.atimeNsec = engine.nowNsec;
    engine.dirty(handle, inode);
    return 0;
  }, 1);
}

/** Whether relatime updates: not read since it was changed, or not for a day. */
function isStale(engine: Engine, inode: Inode): boolean {
  if (engine.now - inode.atime >= RELATIME_SECONDS) return true;
  return !isAfter(inode.atime, inode.atimeNsec, inode.mtime, inode.mtimeNsec) ||
    !isAfter(inode.atime, inode.atimeNsec, inode.ctime, inode.ctimeNsec);
}

function isAfter(seconds: number, nsec: number, otherSeconds: number, otherNsec: number): boolean {
  return seconds > otherSeconds || (seconds === otherSeconds && nsec > otherNsec);
}
