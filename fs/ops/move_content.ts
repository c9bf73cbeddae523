/**
 * Overwriting content that a snapshot needs: the file gets other blocks, and the snapshot the old ones.
 *
 * @module
 */

import type { AllocationGoal } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import { remapRun } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";
import { journalsContent, patchFromJournal } from "./store_content.ts";

const goal: AllocationGoal = {
  diskBlock: 0,
  fileBlock: 0,
  blocks: 0,
  metadata: false,
  privileged: false,
  append: false,
  exchange: true,
};
const NOTHING = new Uint8Array(0);

/**
 * Whether content at `diskBlock` may be overwritten in place.
 * @returns for how many blocks of `blocks` the same holds; below 0 when they must be moved.
 */
export function movableRun(
  engine: Engine,
  inode: Inode,
  diskBlock: number,
  blocks: number,
): number {
  const { keeper } = engine.alloc;
  // What goes through the journal is kept like metadata, when the transaction is sealed.
  if (keeper === null || journalsContent(engine, inode)) return blocks;
  return -keeper.run(diskBlock, blocks);
}

/**
 * Writes `part` from byte `within` of the run at `fileBlock` on, to other blocks than the run has.
 * @param diskBlock where the run is: written blocks within one extent.
 * @returns bytes written, fewer than given when the free space is in pieces; -ENOSPC; NEEDS_COMMIT.
 * @throws Corrupt, DeviceError, with nothing changed.
 */
export function moveContent(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  diskBlock: number,
  within: number,
  part: Uint8Array,
  privileged: boolean,
): number {
  const { alloc, volume } = engine;
  const { blockBytes } = volume.geometry;
  goal.diskBlock = diskBlock;
  goal.fileBlock = fileBlock;
  goal.blocks = Math.ceil((within + part.length) / blockBytes);
  goal.privileged = privileged;
  const count = alloc.allocate(handle, inode, goal);
  if (count < 0) return count;
  const target = alloc.found.diskBlock;
  const bytes = Math.min(part.length, count * blockBytes - within);
  let replaced = -1;
  try {
    const pieces = withOldEdges(engine, diskBlock, within, part.subarray(0, bytes), count);
    volume.device.writeVector(pieces, target * blockBytes);
    replaced = remapRun(alloc, handle, inode, fileBlock, count, target);
  } finally {
    if (replaced < 0) alloc.undo(handle, inode, target, count);
  }
  if (replaced < 0) return replaced;
  alloc.free(handle, inode, diskBlock, count, false);
  return bytes;
}

/** The new content of whole blocks: what stays of the old before and behind `part`. */
function withOldEdges(
  engine: Engine,
  diskBlock: number,
  within: number,
  part: Uint8Array,
  blocks: number,
): Uint8Array[] {
  const { blockBytes } = engine.volume.geometry;
  const end = within + part.length;
  const before = oldContent(engine, diskBlock, 0, within);
  const last = Math.floor(end / blockBytes);
  const after = end < blocks * blockBytes
    ? oldContent(engine, diskBlock + last, end % blockBytes, blockBytes - end % blockBytes)
    : NOTHING;
  return [before, part, after].filter(({ length }) => length > 0);
}

function oldContent(
  engine: Engine,
  diskBlock: number,
  within: number,
  bytes: number,
): Uint8Array {
  if (bytes === 0) return NOTHING;
  const { device, geometry, contentInLog } = engine.volume;
  const content = new Uint8Array(bytes);
  device.read(content, diskBlock * geometry.blockBytes + within);
  if (contentInLog) patchFromJournal(engine, diskBlock, within, content);
  return content;
}
