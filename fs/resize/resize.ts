/**
 * Changing the size of a file system that is not in use.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Editor } from "../edit/editor.ts";
import type { StoredHow } from "../edit/store_edit.ts";
import { EINVAL, ENOSPC } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { grow } from "./grow.ts";
import { minimumBlocks } from "./minimum.ts";
import type { ResizeProgress } from "./progress.ts";
import { shrink } from "./shrink.ts";
import { targetSize } from "./target_size.ts";

export type { ResizeProgress };

/** How a size is changed. */
export interface ResizeOptions {
  /** Seconds since 1970. */
  readonly now: () => number;
  readonly progress?: ResizeProgress;
}

/** What came of it. */
export interface Resized {
  readonly blockBytes: number;
  readonly oldBlocks: number;
  readonly newBlocks: number;
  readonly groups: number;
  /** How the changes were stored: the least atomic way that was needed. */
  readonly stored: StoredHow;
}

/**
 * Makes the file system have `blocks` blocks, or slightly fewer: a last group that could hold next to nothing is left out.
 * The device must be large enough; it keeps its size. The journal must be empty.
 * @throws Unsupported EINVAL, ENOSPC, EUCLEAN with nothing lost; Corrupt; DeviceError.
 */
export function resize(device: BlockDevice, blocks: number, options: ResizeOptions): Resized {
  const editor = new Editor(device, { now: options.now });
  const oldBlocks = editor.geometry.blocksCount;
  const progress = options.progress ?? (() => {});
  const target = targetSize(editor.geometry, blocks);
  if (target.blocksCount > oldBlocks) grow(editor, target, progress);
  else if (target.blocksCount < oldBlocks) shrink(editor, target, progress);
  return {
    blockBytes: editor.geometry.blockBytes,
    oldBlocks,
    newBlocks: target.blocksCount,
    groups: target.groupCount,
    stored: editor.storedHow,
  };
}

/** An estimate of the fewest blocks that `resize` can make of it. */
export function minimumSize(device: BlockDevice, options: ResizeOptions): number {
  return minimumBlocks(new Editor(device, { now: options.now }));
}

/** Makes the file system about as small as it can be. @throws as `resize` */
export function minimize(device: BlockDevice, options: ResizeOptions): Resized {
  const first = new Editor(device, { now: options.now });
  const { blocksCount } = first.geometry;
  let blocks = Math.min(blocksCount, minimumBlocks(first));
  for (;;) {
    try {
      return resize(device, blocks, options);
    } catch (error) {
      const full = error instanceof Unsupported &&
        (error.errno === ENOSPC || error.errno === EINVAL);
      if (!full || blocks >= blocksCount) throw error;
      blocks = Math.min(blocksCount, blocks + Math.max(64, Math.ceil((blocksCount - blocks) / 16)));
    }
  }
}
