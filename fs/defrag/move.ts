/**
 * Moving a part of a file to blocks that were just allocated: content first, then, in one transaction, the
 * mapping. A crash leaves the old place or the new one.
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import { replaceRange } from "../map/replace.ts";
import type { Engine } from "../ops/engine.ts";
import { fillContent, journalsContent, patchFromJournal } from "../ops/store_content.ts";
import type { Inode } from "../volume/inode.ts";
import type { Stretch } from "./stretch.ts";

const PIECE_BYTES = 1 << 20;
let piece: Uint8Array | undefined;

/**
 * Copies the content and changes the mapping, within an operation.
 * @param stretch all of it is moved.
 * @param diskBlock where its first block goes: allocated by `alloc.allocate` in this operation.
 * @returns 0 or the allocator's negative answer: then nothing is changed, the allocation too is undone.
 * @throws Corrupt, DeviceError; the allocation is undone.
 */
export function moveStretch(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  stretch: Stretch,
  diskBlock: number,
): number {
  const { alloc } = engine;
  const { first, end, runs } = stretch;
  const giveBack = (): void => {
    if (journalsContent(engine, inode)) handle.forget(diskBlock, end - first);
    alloc.undo(handle, inode, diskBlock, end - first);
  };
  try {
    for (const run of runs) {
      if (run.unwritten) continue;
      const target = diskBlock + run.fileBlock - first;
      copyBlocks(engine, handle, inode, run.diskBlock, target, run.blocks);
    }
    settle(engine);
    const result = replaceRange(alloc, handle, inode, runs, first, end, diskBlock);
    if (result < 0) giveBack();
    return result;
  } catch (error) {
    giveBack();
    throw error;
  }
}

/**
 * What was durable at its old place has to be so at the new one before the mapping is. A journal in ordered
 * mode sees to that with each commit.
 */
function settle({ volume, options }: Engine): void {
  if (volume.journal === null || options.dataMode === "writeback") volume.device.flush();
}

function copyBlocks(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  from: number,
  to: number,
  blocks: number,
): void {
  const { device, geometry: { blockBytes }, contentInLog } = engine.volume;
  piece ??= new Uint8Array(PIECE_BYTES);
  const most = Math.max(1, Math.floor(PIECE_BYTES / blockBytes));
  for (let done = 0; done < blocks;) {
    const count = Math.min(most, blocks - done);
    const bytes = piece.subarray(0, count * blockBytes);
    device.read(bytes, (from + done) * blockBytes);
    if (contentInLog) patchFromJournal(engine, from + done, 0, bytes);
    fillContent(engine, handle, inode, to + done, 0, bytes);
    done += count;
  }
}
