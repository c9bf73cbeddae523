/**
 * A device that keeps every write, with its flush boundaries: what crash tests build crash states from.
 *
 * @module
 */

import type { BlockDevice } from "./device.ts";

/** One thing that was asked of the device. Offsets and lengths in bytes. */
export type DeviceEvent =
  | { readonly kind: "write"; readonly offsetBytes: number; readonly bytes: Uint8Array }
  | { readonly kind: "zero"; readonly offsetBytes: number; readonly lengthBytes: number }
  | { readonly kind: "discard"; readonly offsetBytes: number; readonly lengthBytes: number }
  /** Of everything, or of the part that is given. */
  | { readonly kind: "flush"; readonly offsetBytes?: number; readonly lengthBytes?: number };

/** Hands everything on to another device and takes it down. */
export class RecordingDevice implements BlockDevice {
  /** In the order in which they were asked for; a write's bytes are a copy. */
  readonly events: DeviceEvent[] = [];

  constructor(readonly device: BlockDevice) {}

  get sizeBytes(): number {
    return this.device.sizeBytes;
  }
  get readOnly(): boolean {
    return this.device.readOnly;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.device.read(target, offsetBytes);
  }

  write(source: Uint8Array, offsetBytes: number): void {
    this.device.write(source, offsetBytes);
    this.events.push({ kind: "write", offsetBytes, bytes: source.slice() });
  }

  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    this.device.writeVector(sources, offsetBytes);
    const bytes = new Uint8Array(sources.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const source of sources) {
      bytes.set(source, at);
      at += source.length;
    }
    this.events.push({ kind: "write", offsetBytes, bytes });
  }

  flush(): void {
    this.device.flush();
    this.events.push({ kind: "flush" });
  }

  /** A flush of a device that is a part of this one. */
  flushPart(offsetBytes: number, lengthBytes: number): void {
    this.device.flush();
    this.events.push({ kind: "flush", offsetBytes, lengthBytes });
  }

  zero(offsetBytes: number, lengthBytes: number): void {
    this.device.zero(offsetBytes, lengthBytes);
    this.events.push({ kind: "zero", offsetBytes, lengthBytes });
  }

  discard(offsetBytes: number, lengthBytes: number): boolean {
    const done = this.device.discard(offsetBytes, lengthBytes);
    if (done) this.events.push({ kind: "discard", offsetBytes, lengthBytes });
    return done;
  }

  close(): void {
    this.device.close();
  }
}
