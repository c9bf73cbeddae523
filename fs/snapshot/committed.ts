/**
 * Reading what was committed: past the buffers, which the running transaction may have changed.
 *
 * @module
 */

import type { Volume } from "../volume/volume.ts";

/**
 * Fills `target` from byte `within` of `diskBlock` on, over as many blocks as it takes, as the last commit left them.
 * @throws DeviceError
 */
export function readCommitted(
  volume: Volume,
  diskBlock: number,
  within: number,
  target: Uint8Array,
): void {
  const { device, cache: { overlay }, geometry: { blockBytes } } = volume;
  device.read(target, diskBlock * blockBytes + within);
  if (overlay === null) return;
  let whole: Uint8Array | undefined;
  for (let done = 0, block = diskBlock, from = within; done < target.length; block++, from = 0) {
    const count = Math.min(blockBytes - from, target.length - done);
    whole ??= new Uint8Array(blockBytes);
    if (overlay.read(block, whole)) target.set(whole.subarray(from, from + count), done);
    done += count;
  }
}
