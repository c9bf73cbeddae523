/**
 * Descriptors that carry a wake-up: eventfd and pipes.
 *
 * @module
 */

import { EFD_CLOEXEC, EFD_NONBLOCK, O_CLOEXEC } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";
import { addressOf } from "./memory.ts";

const one = new Uint8Array(new BigUint64Array([1n]).buffer);
const cell = new Uint8Array(8);
const CELL_BYTES = 8n;
/** Their addresses, once they are known: asking costs as much as the call that they are for. */
let oneAddress = 0n;
let cellAddress = 0n;

/** Makes an eventfd(2) with the count 0, non-blocking. Its number is valid in every thread of the process. */
export function makeEvent(): number {
  return checked(libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

/** Wakes whoever polls the eventfd. */
export function signalEvent(descriptor: number): void {
  if (oneAddress === 0n) oneAddress = BigInt(addressOf(one));
  const result = libc().write(descriptor, oneAddress, CELL_BYTES);
  if (result < 0 && errno() !== ERRNO.EAGAIN) throw new SystemError(errno(), "write eventfd");
}

/** Takes the count back to 0. Returns whether it was signalled. */
export function clearEvent(descriptor: number): boolean {
  if (cellAddress === 0n) cellAddress = BigInt(addressOf(cell));
  return libc().read(descriptor, cellAddress, CELL_BYTES) === 8;
}

/** Makes a pipe: [read end, write end]. */
export function makePipe(): [number, number] {
  const ends = new Int32Array(2);
  checked(libc().pipe2(ends, O_CLOEXEC), "pipe2");
  return [ends[0] ?? -1, ends[1] ?? -1];
}
