/**
 * What is asked of the allocator for the blocks that hold a block map: near the inode, and from the superuser's
 * reserve if need be, so that data which was promised room can be mapped.
 *
 * @module
 */

import type { AllocationGoal } from "../alloc/allocator.ts";

/** The goal for one block of an extent tree, or one indirect block. */
export const nodeGoal: Readonly<AllocationGoal> = {
  diskBlock: 0,
  fileBlock: 0,
  blocks: 1,
  metadata: true,
  privileged: true,
  append: false,
};
