/**
 * Where file content goes: to its place on the device at once, or, where the data are journaled, into the
 * running transaction like metadata.
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";

const ZEROS = new Uint8Array(65536);

/**
 * Whether the file's content goes through the journal: `data=journal`, or the file's flag `j`. A symbolic link's
 * target must be there with its name: where nothing else brings it to the device before the commit, it goes too.
 */
export function journalsContent(engine: Engine, inode: Inode): boolean {
  const { volume: { journal }, options: { dataMode } } = engine;
  if (journal === null) return false;
  if (inode.isSymlink) return dataMode === "writeback";
  return inode.isRegular && (dataMode === "journal" || inode.has(InodeFlag.JOURNAL_DATA));
}

/** Overwrites part of blocks that have content: `part` goes to byte `within` of block `diskBlock` and on. */
export function overwriteContent(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  diskBlock: number,
  within: number,
  part: Uint8Array,
): void {
  if (journalsContent(engine, inode)) {
    return journal(engine, handle, diskBlock, within, part, true);
  }
  const { device, geometry } = engine.volume;
  device.write(part, diskBlock * geometry.blockBytes + within);
}

/** Gives blocks their first content: `part` from byte `within` on, zeros around it. */
export function fillContent(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  diskBlock: number,
  within: number,
  part: Uint8Array,
): void {
  if (journalsContent(engine, inode)) {
    return journal(engine, handle, diskBlock, within, part, false);
  }
  const { device, geometry: { blockBytes } } = engine.volume;
  const end = within + part.length;
  const after = Math.ceil(end / blockBytes) * blockBytes - end;
  if (within === 0 && after === 0) device.write(part, diskBlock * blockBytes);
  else device.writeVector(padded(within, part, after), diskBlock * blockBytes);
}

function padded(before: number, part: Uint8Array, after: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  if (before > 0) pieces.push(ZEROS.subarray(0, before));
  pieces.push(part);
  if (after > 0) pieces.push(ZEROS.subarray(0, after));
  return pieces;
}

function journal(
  engine: Engine,
  handle: Handle,
  diskBlock: number,
  within: number,
  part: Uint8Array,
  hasContent: boolean,
): void {
  const { cache, geometry: { blockBytes } } = engine.volume;
  engine.volume.contentInLog = true;
  for (let done = 0, block = diskBlock, from = within; done < part.length; block++, from = 0) {
    const count = Math.min(blockBytes - from, part.length - done);
    const buffer = hasContent && count < blockBytes ? cache.get(block) : cache.fresh(block);
    buffer.bytes.set(part.subarray(done, done + count), from);
    handle.dirty(buffer);
    done += count;
  }
}

/**
 * Puts into `target` what the journal has of the blocks that it was read from.
 * @param diskBlock block that byte `within` of which is the first in `target`.
 */
export function patchFromJournal(
  engine: Engine,
  diskBlock: number,
  within: number,
  target: Uint8Array,
): void {
  const { cache, geometry: { blockBytes } } = engine.volume;
  let whole: Uint8Array | undefined;
  for (let done = 0, block = diskBlock, from = within; done < target.length; block++, from = 0) {
    const count = Math.min(blockBytes - from, target.length - done);
    const cached = cache.peek(block);
    if (cached !== undefined) {
      target.set(cached.bytes.subarray(from, from + count), done);
    } else if (cache.overlay !== null) {
      whole ??= new Uint8Array(blockBytes);
      if (cache.overlay.read(block, whole)) target.set(whole.subarray(from, from + count), done);
    }
    done += count;
  }
}
