/**
 * The thread that does input and output for another: see `IoThread`.
 *
 * @module
 */

import { ERRNO } from "../libc/errno.ts";
import { signalEvent } from "../libc/event.ts";
import { close } from "../libc/file.ts";
import { RWF_DSYNC } from "../libc/constants.ts";
import { IoVector } from "../libc/io_vector.ts";
import { errno, libc } from "../libc/library.ts";
import { IO_OPERATION, IoQueue, type IoRequest } from "./queue.ts";
import type { IoStart } from "./start_worker.ts";

/** Does requests; after a chained one failed, the chained ones up to the next MARK are left out. */
class Performer {
  #broken = false;

  perform(request: IoRequest): number {
    if (request.operation === IO_OPERATION.MARK) {
      this.#broken = false;
      return 0;
    }
    if (request.chained !== true) return perform(request);
    if (this.#broken) return -ERRNO.ECANCELED;
    const result = perform(request);
    this.#broken = result < 0;
    return result;
  }
}

self.addEventListener("message", (message: MessageEvent<IoStart>) => {
  const { memory, event } = message.data;
  const queue = new IoQueue(memory);
  try {
    queue.markAlive();
    self.postMessage("ready");
    work(queue, event);
    close(event);
  } catch (error) {
    // Whoever started this thread may be one that hears of no errors.
    queue.markLost();
    signalEvent(event);
    throw error;
  }
  self.close();
});

function work(queue: IoQueue, event: number): void {
  const performer = new Performer();
  for (;;) {
    const request = queue.take();
    if (request === undefined) return;
    queue.finish(performer.perform(request));
    signalEvent(event);
  }
}

/** Does a request: bytes moved, or a negated errno. */
function perform(request: IoRequest): number {
  switch (request.operation) {
    case IO_OPERATION.READ:
    case IO_OPERATION.WRITE:
      return transfer(request);
    case IO_OPERATION.WRITE_THROUGH:
      return writeThrough(request);
    case IO_OPERATION.WRITE_VECTOR:
      return retried(() =>
        libc().pwritev(
          request.descriptor,
          BigInt(request.address),
          request.length,
          BigInt(request.offset),
        )
      );
    case IO_OPERATION.SYNC:
      return sync(request.descriptor);
    case IO_OPERATION.SEND:
      return retried(() =>
        libc().write(request.descriptor, BigInt(request.address), BigInt(request.length))
      );
    default:
      return -ERRNO.EINVAL;
  }
}

/** Writes all bytes durably: with pwritev2(2), or by a flush where the host has no such thing. */
function writeThrough(request: IoRequest): number {
  const vector = new IoVector(1);
  for (let done = 0; done < request.length;) {
    vector.clear();
    vector.addAddress(request.address + done, request.length - done);
    const count = retried(() =>
      libc().pwritev2(
        request.descriptor,
        vector.address,
        1,
        BigInt(request.offset + done),
        RWF_DSYNC,
      )
    );
    if (count === -ERRNO.EOPNOTSUPP) {
      const written = transfer({ ...request, operation: IO_OPERATION.WRITE });
      if (written < 0) return written;
      const synced = sync(request.descriptor);
      return synced < 0 ? synced : written;
    }
    if (count < 0) return count;
    done += count;
  }
  return request.length;
}

/** Returns how long it took in microseconds, or a negated errno. */
function sync(descriptor: number): number {
  const begin = performance.now();
  const result = retried(() => libc().fdatasync(descriptor));
  return result < 0 ? result : Math.ceil((performance.now() - begin) * 1000);
}

/** Moves all bytes, in as many calls as it takes; a read ends early at the end of the file. */
function transfer(request: IoRequest): number {
  const move = request.operation === IO_OPERATION.READ
    ? libc().pread_address
    : libc().pwrite_address;
  let done = 0;
  while (done < request.length) {
    const count = retried(() =>
      move(
        request.descriptor,
        BigInt(request.address + done),
        BigInt(request.length - done),
        BigInt(request.offset + done),
      )
    );
    if (count < 0) return count;
    if (count === 0) break;
    done += count;
  }
  return done;
}

function retried(call: () => number): number {
  for (;;) {
    const result = call();
    if (result >= 0) return result;
    const number = errno();
    if (number !== ERRNO.EINTR) return -number;
  }
}
