/**
 * Storage that stands for two devices, one behind the other: the file system's and its journal's. Each has flushes
 * of its own.
 *
 * @module
 */

import type { BlockDevice } from "../../fs/device/device.ts";
import { RecordingDevice } from "../../fs/device/recording.ts";

/** What a file system is opened with. */
export interface Devices {
  readonly device: BlockDevice;
  readonly journalDevice?: BlockDevice;
}

/** @param journalBytes length of the journal's device at the end of the storage; 0: the journal is inside. */
export function devicesOf(storage: BlockDevice, journalBytes: number): Devices {
  if (journalBytes === 0) return { device: storage };
  const size = storage.sizeBytes - journalBytes;
  return {
    device: new PartDevice(storage, 0, size),
    journalDevice: new PartDevice(storage, size, journalBytes),
  };
}

class PartDevice implements BlockDevice {
  constructor(
    readonly storage: BlockDevice,
    readonly startBytes: number,
    readonly sizeBytes: number,
  ) {}

  get readOnly(): boolean {
    return this.storage.readOnly;
  }
  read(target: Uint8Array, offsetBytes: number): void {
    this.storage.read(target, this.#place(offsetBytes, target.length));
  }
  write(source: Uint8Array, offsetBytes: number): void {
    this.storage.write(source, this.#place(offsetBytes, source.length));
  }
  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    const length = sources.reduce((sum, source) => sum + source.length, 0);
    this.storage.writeVector(sources, this.#place(offsetBytes, length));
  }
  zero(offsetBytes: number, lengthBytes: number): void {
    this.storage.zero(this.#place(offsetBytes, lengthBytes), lengthBytes);
  }
  discard(offsetBytes: number, lengthBytes: number): boolean {
    return this.storage.discard(this.#place(offsetBytes, lengthBytes), lengthBytes);
  }
  flush(): void {
    const { storage } = this;
    if (storage instanceof RecordingDevice) storage.flushPart(this.startBytes, this.sizeBytes);
    else storage.flush();
  }
  close(): void {}

  #place(offsetBytes: number, lengthBytes: number): number {
    if (offsetBytes < 0 || offsetBytes + lengthBytes > this.sizeBytes) {
      throw new RangeError(`${lengthBytes} bytes at ${offsetBytes} of ${this.sizeBytes}`);
    }
    return this.startBytes + offsetBytes;
  }
}
