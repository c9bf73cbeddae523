/** FITRIM: telling the device of free space. @module */

import { EINVAL, EOPNOTSUPP, EROFS } from "../errno.ts";
import type { Engine } from "./engine.ts";

/**
 * Discards the free runs of at least `minimum` bytes within the range.
 * @param start, length, minimum in bytes.
 * @returns bytes discarded, or -EINVAL, -EOPNOTSUPP, -EROFS.
 */
export function trim(engine: Engine, start: number, length: number, minimum: number): number {
  const { volume, alloc } = engine;
  if (volume.readOnly) return -EROFS;
  const { blockBytes, blocksCount, firstDataBlock } = volume.geometry;
  const firstBlock = Math.max(Math.floor(start / blockBytes), firstDataBlock);
  if (firstBlock >= blocksCount || length < blockBytes) return -EINVAL;
  if (minimum > volume.geometry.blocksPerGroup * blockBytes) return -EINVAL;
  const endBlock = Math.min(Math.floor((start + length) / blockBytes), blocksCount);
  const minimumBlocks = Math.max(1, Math.ceil(minimum / blockBytes));
  // What is freed must be free on disk before its content goes.
  volume.commit(true);
  const { geometry, device } = volume;
  let trimmed = 0;
  let supported = true;
  for (let group = geometry.groupOfBlock(firstBlock); group < geometry.groupCount; group++) {
    if (geometry.groupFirstBlock(group) >= endBlock || !supported) break;
    alloc.forEachFreeRun(group, minimumBlocks, (diskBlock, blocks) => {
      const from = Math.max(diskBlock, firstBlock);
      const bytes = (Math.min(diskBlock + blocks, endBlock) - from) * blockBytes;
      if (!supported || bytes < minimumBlocks * blockBytes) return;
      supported = device.discard(from * blockBytes, bytes);
      if (supported) trimmed += bytes;
    });
  }
  return supported ? trimmed : -EOPNOTSUPP;
}
