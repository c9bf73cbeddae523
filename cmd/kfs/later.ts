/** Doing something at a later time within a session. @module */

import type { FuseSession } from "../../ffi/fuse/session.ts";
import { close } from "../../ffi/libc/file.ts";
import { makeTimer } from "../../ffi/libc/timer.ts";

/** Calls `action` once the session has run for so long. */
export function later(session: FuseSession, milliseconds: number, action: () => void): void {
  const timer = makeTimer(milliseconds);
  session.watch(timer, () => {
    session.unwatch(timer);
    close(timer);
    action();
  });
}
