/**
 * How small a file system can become.
 *
 * @module
 */

import type { Editor } from "../edit/editor.ts";
import { baseMetadataBlocks } from "../alloc/system_zones.ts";
import { Compat } from "../layout/features.ts";
import { targetSize } from "./target_size.ts";

/** Blocks for maps that need more nodes when their files are in more pieces, one in so many. */
const NODE_SHARE = 512;
const SPARE_CLUSTERS = 8;

/** An estimate of the least number of blocks, on the safe side for file systems that are not in very many pieces. */
export function minimumBlocks(editor: Editor): number {
  const { geometry, groups, superblock } = editor;
  if (superblock.hasCompat(Compat.STABLE_INODES)) return geometry.blocksCount;
  const { clusterBlocks, inodesPerGroup } = geometry;
  let [free, fixed, inodes] = [0, 0, 0];
  for (let group = 0; group < geometry.groupCount; group++) {
    const descriptor = groups.get(group);
    free += descriptor.freeClusters;
    inodes += inodesPerGroup - descriptor.freeInodes;
    fixed += geometry.inodeTableBlocks + 2 + baseMetadataBlocks(geometry, group);
  }
  const used = geometry.blocksCount - free * clusterBlocks;
  const content = Math.max(0, used - fixed);
  const spare = SPARE_CLUSTERS * clusterBlocks + Math.ceil(content / NODE_SHARE);
  const wanted = content + spare;
  const least = Math.max(1, Math.ceil(inodes / inodesPerGroup));
  let room = 0;
  for (let count = 1; count <= geometry.groupCount; count++) {
    const group = count - 1;
    const own = geometry.inodeTableBlocks + 2 + baseMetadataBlocks(geometry, group);
    const before = room;
    room += geometry.groupBlocks(group) - own;
    if (count < least || room < wanted) continue;
    // Of the last group only what is needed.
    const needed = count === least && before >= wanted ? own : own + wanted - before;
    const blocks = geometry.groupFirstBlock(group) + Math.min(
      geometry.groupBlocks(group),
      Math.max(needed, own) + 50 * clusterBlocks,
    );
    const rounded = Math.min(
      geometry.blocksCount,
      Math.ceil(blocks / clusterBlocks) * clusterBlocks,
    );
    return targetSize(geometry, rounded).blocksCount < rounded - geometry.blocksPerGroup
      ? geometry.blocksCount
      : rounded;
  }
  return geometry.blocksCount;
}
