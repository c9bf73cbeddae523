/**
 * The thread that does input and output for another: see `IoThread`.
 *
 * @module
 */

import { ERRNO } from "../libc/errno.ts";
import { signalEvent } from "../libc/event.ts";
import { close } from "../libc/file.ts";
import { errno, libc } from "../libc/library.ts";
import { IO_OPERATION, IoQueue, type IoRequest } from "./queue.ts";

/** What the thread is sent at its start. */
export interface IoStart {
  readonly memory: SharedArrayBuffer;
  readonly event: number;
}

self.addEventListener("message", (message: MessageEvent<IoStart>) => {
  const queue = new IoQueue(message.data.memory);
  self.postMessage("ready");
  for (;;) {
    const request = queue.take();
    if (request === undefined) break;
    queue.finish(perform(request));
    signalEvent(message.data.event);
  }
  close(message.data.event);
  self.close();
});

/** Does a request: bytes moved, or a negated errno. */
function perform(request: IoRequest): number {
  switch (request.operation) {
    case IO_OPERATION.READ:
    case IO_OPERATION.WRITE:
      return transfer(request);
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
      return retried(() => libc().fdatasync(request.descriptor));
    case IO_OPERATION.SEND:
      return retried(() =>
        libc().write(request.descriptor, BigInt(request.address), BigInt(request.length))
      );
    default:
      return -ERRNO.EINVAL;
  }
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
