/**
 * The blocks of a file system that is being edited: changes stay in memory until they are stored together.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { OverlayDevice } from "../journal/overlay_device.ts";

/** Changed blocks over a device. */
export class EditedBlocks {
  readonly overlay: OverlayDevice;

  constructor(readonly device: BlockDevice, readonly blockBytes: number) {
    this.overlay = new OverlayDevice(device, blockBytes);
  }

  /** Blocks that were changed and are not stored. */
  get changed(): Map<number, Uint8Array> {
    return this.overlay.blocks;
  }

  /** A block's content, to look at: the changed one if it was changed. */
  read(block: number): Uint8Array {
    const known = this.overlay.blocks.get(block);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(this.blockBytes);
    this.device.read(bytes, block * this.blockBytes);
    return bytes;
  }

  /** A block's content, to be changed in place; it counts as changed. */
  change(block: number): Uint8Array {
    const bytes = this.read(block);
    this.overlay.blocks.set(block, bytes);
    return bytes;
  }

  /** A block that will be written whole: zeros, to be filled in. */
  fresh(block: number): Uint8Array {
    const bytes = new Uint8Array(this.blockBytes);
    this.overlay.blocks.set(block, bytes);
    return bytes;
  }

  /** What was changed of these blocks is forgotten: nobody owns them any more. */
  forget(block: number, blocks: number): void {
    for (let i = 0; i < blocks; i++) this.overlay.blocks.delete(block + i);
  }
}

/** A view over a block's bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
