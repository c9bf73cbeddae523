/**
 * Ending a mount at a signal, as umount(8) would: the kernel writes out what it holds while the mount is
 * still served. So another thread unmounts, started when a signal comes.
 *
 * @module
 */

import type { FuseSession } from "../../ffi/fuse/session.ts";
import { clearEvent, makeEvent } from "../../ffi/libc/event.ts";
import { takeSignal } from "../../ffi/libc/signals.ts";
import { later } from "./later.ts";
import type { UnmountRequest } from "./unmount_worker.ts";

/** A thread that does not come up within so long has failed. */
const LONGEST_START_MS = 20_000;

/**
 * Lets the signals end the session.
 * @param signals a descriptor that shows them.
 * @param stopEvent ends it too: signalled when unmounting is impossible.
 */
export function stopAtSignals(
  session: FuseSession,
  signals: number,
  mountPoint: string,
  stopEvent: number,
): void {
  let asked = false;
  session.watch(signals, () => {
    if (takeSignal(signals) === 0 || asked) return;
    asked = true;
    const startedEvent = makeEvent();
    startUnmounting({ mountPoint, startedEvent, stopEvent });
    later(session, LONGEST_START_MS, () => {
      if (!clearEvent(startedEvent)) session.stop();
    });
  });
}

function startUnmounting(request: UnmountRequest): void {
  const worker = new Worker(new URL("./unmount_worker.ts", import.meta.url), { type: "module" });
  worker.postMessage(request);
}
