/**
 * A device that fails where a test wants it to.
 *
 * @module
 */

import { EIO } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import type { BlockDevice } from "./device.ts";

/** What can be made to fail. A vector counts as one write, zeroing as a write. */
export type FaultKind = "read" | "write" | "flush" | "discard";

/** Which calls fail, and how. All conditions that are given must hold. */
export interface Fault {
  readonly kind: FaultKind;
  /** So many matching calls succeed first. Default 0. */
  readonly after?: number;
  /** So many calls fail, then they succeed again. Default: all. */
  readonly times?: number;
  /** Only calls that touch bytes from here on … */
  readonly fromBytes?: number;
  /** … and before here. */
  readonly toBytes?: number;
  /** The positive errno of the error. Default EIO. */
  readonly errno?: number;
  /** A write that fails has stored this many of its bytes. Default 0. */
  readonly storedBytes?: number;
}

interface ArmedFault {
  readonly fault: Fault;
  seen: number;
  failed: number;
}

/** Hands everything on to another device, but for what fails. */
export class FaultingDevice implements BlockDevice {
  /** Calls that were made to fail. */
  failures = 0;
  /** Calls that were made, failed ones included. */
  readonly calls: Record<FaultKind, number> = { read: 0, write: 0, flush: 0, discard: 0 };
  readonly #faults: ArmedFault[] = [];
  #endBytes = Infinity;

  constructor(readonly device: BlockDevice) {}

  /** From now on, calls fail as `fault` says. */
  arm(fault: Fault): void {
    this.#faults.push({ fault, seen: 0, failed: 0 });
  }

  /** Nothing fails any more; a shortened device stays short. */
  disarm(): void {
    this.#faults.length = 0;
  }

  /** The storage ends here from now on, although the device was opened with its full size. */
  shorten(endBytes: number): void {
    this.#endBytes = endBytes;
  }

  get sizeBytes(): number {
    return this.device.sizeBytes;
  }
  get readOnly(): boolean {
    return this.device.readOnly;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.#meet("read", offsetBytes, target.length);
    this.device.read(target, offsetBytes);
  }

  write(source: Uint8Array, offsetBytes: number): void {
    this.#meet("write", offsetBytes, source.length, source);
    this.device.write(source, offsetBytes);
  }

  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    const lengthBytes = sources.reduce((sum, { length }) => sum + length, 0);
    this.#meet("write", offsetBytes, lengthBytes, sources[0]);
    this.device.writeVector(sources, offsetBytes);
  }

  flush(): void {
    this.#meet("flush", 0, this.sizeBytes);
    this.device.flush();
  }

  zero(offsetBytes: number, lengthBytes: number): void {
    this.#meet("write", offsetBytes, lengthBytes);
    this.device.zero(offsetBytes, lengthBytes);
  }

  discard(offsetBytes: number, lengthBytes: number): boolean {
    this.#meet("discard", offsetBytes, lengthBytes);
    return this.device.discard(offsetBytes, lengthBytes);
  }

  close(): void {
    this.device.close();
  }

  /** Throws when this call is to fail. */
  #meet(kind: FaultKind, offsetBytes: number, lengthBytes: number, source?: Uint8Array): void {
    this.calls[kind]++;
    const fail = (errno: number, detail: string): never => {
      this.failures++;
      throw new DeviceError(kind, offsetBytes, lengthBytes, detail, errno);
    };
    if (kind !== "flush" && offsetBytes + lengthBytes > this.#endBytes) {
      fail(EIO, `the storage ends at ${this.#endBytes}`);
    }
    for (const armed of this.#faults) {
      const { fault } = armed;
      if (fault.kind !== kind || offsetBytes >= (fault.toBytes ?? Infinity)) continue;
      if (offsetBytes + lengthBytes <= (fault.fromBytes ?? -1)) continue;
      if (armed.seen++ < (fault.after ?? 0) || armed.failed >= (fault.times ?? Infinity)) continue;
      armed.failed++;
      const stored = source?.subarray(0, fault.storedBytes ?? 0);
      if (stored !== undefined && stored.length > 0) this.device.write(stored, offsetBytes);
      fail(fault.errno ?? EIO, "made to fail");
    }
  }
}
