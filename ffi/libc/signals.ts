/**
 * Signals as something that can be read: blocked in all threads, and shown by a descriptor.
 *
 * A thread inherits what its creator blocks, but cannot block anything for the threads that there are
 * already, and Deno has some from its start. So the blocking is done in one process, for the program that
 * it starts or becomes.
 *
 * @module
 */

import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";
import { addressOf } from "./memory.ts";

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGTERM = 15;

const SIG_BLOCK = 0;
/** `sigset_t`: 1024 bits, that of signal n is n - 1. */
const SIGNAL_SET_BYTES = 128;
/** `struct signalfd_siginfo`; it begins with the signal's number. */
const SIGNAL_RECORD_BYTES = 128;

const record = new DataView(new ArrayBuffer(SIGNAL_RECORD_BYTES));

function signalSet(signals: readonly number[]): Uint8Array<ArrayBuffer> {
  const set = new Uint8Array(SIGNAL_SET_BYTES);
  for (const signal of signals) {
    const index = (signal - 1) >> 3;
    set[index] = (set[index] ?? 0) | 1 << ((signal - 1) & 7);
  }
  return set;
}

/** Blocks signals for this thread, and for the programs that it starts or becomes. */
export function blockSignals(signals: readonly number[]): void {
  const number = libc().pthread_sigmask(SIG_BLOCK, signalSet(signals), null);
  if (number !== 0) throw new SystemError(number, "pthread_sigmask");
}

/** A descriptor that is readable while one of the signals, blocked in all threads, is pending (signalfd). */
export function openSignals(signals: readonly number[]): number {
  return checked(libc().signalfd(-1, signalSet(signals), O_CLOEXEC | O_NONBLOCK), "signalfd");
}

/** Takes a pending signal from the descriptor. @returns its number, 0 when there is none. */
export function takeSignal(descriptor: number): number {
  const address = BigInt(addressOf(new Uint8Array(record.buffer)));
  const result = libc().read(descriptor, address, BigInt(SIGNAL_RECORD_BYTES));
  if (result === SIGNAL_RECORD_BYTES) return record.getUint32(0, true);
  const number = errno();
  if (number === ERRNO.EAGAIN || number === ERRNO.EINTR) return 0;
  throw new SystemError(number, "read signalfd");
}
