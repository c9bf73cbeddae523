/**
 * The disk as it was when a snapshot was made.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { EIO, EROFS } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import type { Place, SnapshotChain } from "./chain.ts";
import { readCommitted } from "./committed.ts";

const place: Place = { diskBlock: 0, blocks: 0 };

/** Reads come from the snapshot's file, newer snapshots' files, or the disk below; nothing can be written. */
export class SnapshotDevice implements BlockDevice {
  readonly readOnly = true;
  readonly sizeBytes: number;

  /** @param ino of the snapshot's file. */
  constructor(readonly chain: SnapshotChain, readonly ino: number) {
    const { geometry } = chain.alloc.volume;
    this.sizeBytes = geometry.blocksCount * geometry.blockBytes;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    const { chain, ino } = this;
    const index = chain.indexOf(ino);
    const why = index < 0 ? "is deleted" : chain.entries[index]?.damaged ? "is damaged" : "";
    if (why !== "") this.#refuse("read", target.length, offsetBytes, `the snapshot ${why}`, EIO);
    if (offsetBytes + target.length > this.sizeBytes) {
      this.#refuse("read", target.length, offsetBytes, "past the end", EIO);
    }
    const { volume } = chain.alloc;
    const { blockBytes } = volume.geometry;
    for (let done = 0; done < target.length;) {
      const block = Math.floor((offsetBytes + done) / blockBytes);
      const within = offsetBytes + done - block * blockBytes;
      const wanted = Math.ceil((within + target.length - done) / blockBytes);
      chain.locate(index, block, wanted, place);
      const bytes = Math.min(target.length - done, place.blocks * blockBytes - within);
      readCommitted(volume, place.diskBlock, within, target.subarray(done, done + bytes));
      done += bytes;
    }
  }

  write(source: Uint8Array, offsetBytes: number): never {
    this.#refuse("write", source.length, offsetBytes, "a snapshot is read-only", EROFS);
  }
  writeVector(sources: readonly Uint8Array[], offsetBytes: number): never {
    this.#refuse("write", sources[0]?.length ?? 0, offsetBytes, "a snapshot is read-only", EROFS);
  }
  zero(offsetBytes: number, lengthBytes: number): never {
    this.#refuse("zero", lengthBytes, offsetBytes, "a snapshot is read-only", EROFS);
  }
  discard(): boolean {
    return false;
  }
  flush(): void {}
  close(): void {}

  #refuse(operation: string, bytes: number, offset: number, why: string, errno: number): never {
    throw new DeviceError(operation, offset, bytes, why, errno);
  }
}
