/**
 * Writing file content. Data goes to the device at once (the host's page cache holds it), metadata
 * into the running transaction.
 *
 * @module
 */

import { EFBIG, EISDIR, EPERM } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import {
  type AllocatedMapping,
  allocateRange,
  convertToWritten,
  lookup as lookupMap,
  newMapping,
  removeRange,
} from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { capacity, startInline, writeInline } from "../xattr/inline_data.ts";
import type { Engine } from "./engine.ts";
import { mayUseContent } from "./sealed_content.ts";
import { maxFileBytes } from "./limits.ts";
import { convertInline } from "./inline.ts";
import { movableRun, moveContent } from "./move_content.ts";
import { fillContent, journalsContent, overwriteContent } from "./store_content.ts";
import { dropPrivileges } from "./privileges.ts";

const run: AllocatedMapping = newMapping();
/** Blocks changed by a write of the largest request: map blocks, bitmaps, inode. */
const WRITE_CREDITS = 128;

/** How a write is made. */
export interface WriteOptions {
  /** May use the blocks reserved for root. */
  readonly privileged: boolean;
  /** Clear the set-id bits and the capability (the caller is not privileged). */
  readonly killPrivileges: boolean;
}

/**
 * Writes all of `source` at `offset`.
 * @returns bytes written: fewer when space ran out after a part; or a negated errno.
 * @throws Corrupt, DeviceError.
 */
export function write(
  engine: Engine,
  ino: number,
  offset: number,
  source: Uint8Array,
  options: WriteOptions,
): number {
  const inode = engine.inode(ino);
  if (inode.isDirectory) return -EISDIR;
  if (inode.has(InodeFlag.IMMUTABLE)) return -EPERM;
  if (inode.has(InodeFlag.APPEND) && offset < inode.size) return -EPERM;
  const sealed = mayUseContent(inode, true);
  if (sealed < 0) return sealed;
  if (source.length === 0) return 0;
  const limit = maxFileBytes(engine, inode);
  if (offset >= limit) return -EFBIG;
  const data = offset + source.length > limit ? source.subarray(0, limit - offset) : source;
  const written = journalsContent(engine, inode)
    ? writeInParts(engine, inode, offset, data, options)
    : writeOnce(engine, inode, offset, data, options);
  if (written >= 0 && (engine.options.sync || inode.has(InodeFlag.SYNC))) {
    engine.volume.commit(true);
  }
  return written;
}

/** Content that goes into the transactions: no more of it in one than fits well. */
function writeInParts(
  engine: Engine,
  inode: Inode,
  offset: number,
  data: Uint8Array,
  options: WriteOptions,
): number {
  const { geometry: { blockBytes }, transactions } = engine.volume;
  const partBytes = Math.max(1, transactions.store.capacityBlocks >> 2) * blockBytes;
  let done = 0;
  while (done < data.length) {
    const part = data.subarray(done, done + partBytes);
    const written = writeOnce(engine, inode, offset + done, part, options, partBytes / blockBytes);
    if (written < 0) return done > 0 ? done : written;
    done += written;
    if (written < part.length) break;
  }
  return done;
}

/** One part, in one operation. @param contentBlocks blocks of content that the transaction will hold. */
function writeOnce(
  engine: Engine,
  inode: Inode,
  offset: number,
  data: Uint8Array,
  options: WriteOptions,
  contentBlocks = 0,
): number {
  return engine.change((handle) => {
    if (options.killPrivileges) {
      const dropped = dropPrivileges(engine, handle, inode);
      if (dropped < 0) return dropped;
    }
    let count: number;
    try {
      count = inode.has(InodeFlag.INLINE_DATA) || mayGoInline(engine, inode)
        ? writeSmall(engine, handle, inode, offset, data, options.privileged)
        : writeBlocks(engine, handle, inode, offset, data, options.privileged);
    } catch (error) {
      cutBehindEnd(engine, handle, inode, offset + data.length);
      throw error;
    }
    if (count < 0) return count;
    if (offset + count > inode.size) inode.size = offset + count;
    engine.stamp(handle, inode, true);
    return count;
  }, WRITE_CREDITS + contentBlocks);
}

/** A write failed before the size was set: frees the blocks behind the end that it got, up to byte `end`. */
function cutBehindEnd(engine: Engine, handle: Handle, inode: Inode, end: number): void {
  if (inode.has(InodeFlag.INLINE_DATA)) return;
  const { blockBytes } = engine.volume.geometry;
  const first = Math.ceil(inode.size / blockBytes);
  const last = Math.ceil(end / blockBytes);
  if (last > first) removeRange(engine.alloc, handle, inode, first, last, 1 << 20);
  engine.dirty(handle, inode);
}

/** Whether an empty file may start out with its content in the inode. */
function mayGoInline(engine: Engine, inode: Inode): boolean {
  return engine.hasInlineData && inode.isRegular && inode.size === 0 && inode.sectors === 0 &&
    inode.raw.length > 128;
}

/** Writes into the inode while the content fits there, else moves it to blocks first. */
function writeSmall(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  offset: number,
  source: Uint8Array,
  privileged: boolean,
): number {
  if (offset + source.length <= capacity(engine.alloc, inode)) {
    const started = inode.has(InodeFlag.INLINE_DATA) ? 0 : startInline(engine.alloc, handle, inode);
    if (started >= 0 && writeInline(engine.alloc, handle, inode, offset, source) >= 0) {
      return source.length;
    }
  }
  if (inode.has(InodeFlag.INLINE_DATA)) {
    const converted = convertInline(engine, handle, inode, privileged);
    if (converted < 0) return converted;
  }
  return writeBlocks(engine, handle, inode, offset, source, privileged);
}

/**
 * Writes into the file's blocks, allocating those that are missing. Neither size nor times change.
 * @returns bytes written, fewer than given when space ran out; or a negated errno.
 */
export function writeBlocks(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  offset: number,
  source: Uint8Array,
  privileged: boolean,
): number {
  const { blockBytes } = engine.volume.geometry;
  const length = source.length;
  const append = offset + length >= inode.size;
  let done = 0;
  while (done < length) {
    const position = offset + done;
    const fileBlock = Math.floor(position / blockBytes);
    const within = position - fileBlock * blockBytes;
    const wanted = Math.ceil((within + length - done) / blockBytes);
    const mapped = mapForWriting(engine, handle, inode, fileBlock, wanted, append, privileged);
    if (mapped < 0) return done > 0 ? done : mapped;
    const bytes = Math.min(length - done, run.blocks * blockBytes - within);
    const part = bytes === length ? source : source.subarray(done, done + bytes);
    const result = writeRun(engine, handle, inode, fileBlock, within, part, privileged);
    if (result < 0) return done > 0 ? done : result;
    done += result;
  }
  return done;
}

/** Fills `run` with the first run of blocks, allocated when they are missing. */
function mapForWriting(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  wanted: number,
  append: boolean,
  privileged: boolean,
): number {
  lookupMap(engine.alloc, inode, fileBlock, wanted, run);
  run.fresh = false;
  if (run.diskBlock !== 0) return run.blocks;
  const options = { unwritten: false, privileged, append, metadata: false };
  return allocateRange(engine.alloc, handle, inode, fileBlock, run.blocks, options, run);
}

/** Writes one part into `run`, with zeros around it in blocks that had no content. @returns bytes written, or negative */
function writeRun(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  within: number,
  part: Uint8Array,
  privileged: boolean,
): number {
  const { diskBlock, unwritten, fresh } = run;
  if (!fresh && !unwritten) {
    return overwriteRun(engine, handle, inode, fileBlock, within, part, privileged);
  }
  const blocks = Math.ceil((within + part.length) / engine.volume.geometry.blockBytes);
  try {
    fillContent(engine, handle, inode, diskBlock, within, part);
  } catch (error) {
    // The blocks hold somebody's old bytes: they must not become readable.
    if (fresh) removeRange(engine.alloc, handle, inode, fileBlock, fileBlock + run.blocks, 1 << 20);
    throw error;
  }
  const result = unwritten ? convertToWritten(engine.alloc, handle, inode, fileBlock, blocks) : 0;
  return result < 0 ? result : part.length;
}

/** Writes over content: in its place, or elsewhere where a snapshot needs it. @returns bytes written, or negative */
function overwriteRun(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  within: number,
  part: Uint8Array,
  privileged: boolean,
): number {
  const { diskBlock } = run;
  const { blockBytes } = engine.volume.geometry;
  const blocks = Math.ceil((within + part.length) / blockBytes);
  const same = movableRun(engine, inode, diskBlock, blocks);
  const count = Math.abs(same);
  const some = count === blocks ? part : part.subarray(0, count * blockBytes - within);
  if (same < 0) {
    return moveContent(engine, handle, inode, fileBlock, diskBlock, within, some, privileged);
  }
  overwriteContent(engine, handle, inode, diskBlock, within, some);
  return some.length;
}
