/**
 * Which blocks were in use when a snapshot was made.
 *
 * @module
 */

import { BlockBitmaps } from "../alloc/block_bitmaps.ts";
import { SystemZones } from "../alloc/system_zones.ts";
import { Volume } from "../volume/volume.ts";
import type { SnapshotChain } from "./chain.ts";
import { SnapshotDevice } from "./snapshot_device.ts";

const CACHE_BYTES = 1 << 20;

/** The block bitmaps of a snapshot. */
export class UsedBlocks {
  readonly #bitmaps: BlockBitmaps;

  /** @param ino of the snapshot's file. @throws Corrupt, DeviceError */
  constructor(chain: SnapshotChain, ino: number) {
    const { options } = chain.alloc.volume;
    const device = new SnapshotDevice(chain, ino);
    const how = { readOnly: true, cacheBytes: CACHE_BYTES, cachedInodes: 1 };
    const volume = new Volume(device, { ...options, ...how });
    this.#bitmaps = new BlockBitmaps(volume, new SystemZones(volume.geometry, volume.groups));
  }

  /** A copy of a group's bitmap. @throws Corrupt, DeviceError */
  words(group: number): Int32Array<ArrayBuffer> {
    const { cache } = this.#bitmaps.volume;
    cache.trim();
    const { bytes } = this.#bitmaps.load(group);
    return new Int32Array(bytes.slice().buffer);
  }
}
