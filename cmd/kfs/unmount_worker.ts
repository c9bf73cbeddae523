/// <reference lib="deno.worker" />
/**
 * The thread that unmounts while the main one serves.
 *
 * @module
 */

import { signalEvent } from "../../ffi/libc/event.ts";
import { unmountFuse } from "../../ffi/libfuse3/mount.ts";

export interface UnmountRequest {
  readonly mountPoint: string;
  /** An eventfd, signalled when the thread is there. */
  readonly startedEvent: number;
  /** An eventfd, signalled when it cannot be unmounted. */
  readonly stopEvent: number;
}

self.onmessage = ({ data }: MessageEvent<UnmountRequest>) => {
  signalEvent(data.startedEvent);
  try {
    unmountFuse(data.mountPoint);
  } catch {
    stopServing(data);
  }
  self.close();
};

/** A busy mount is synced, taken out of the tree and served no longer. Or it is gone already. */
function stopServing({ mountPoint, stopEvent }: UnmountRequest): void {
  try {
    new Deno.Command("sync", { args: ["-f", mountPoint], stdout: "null", stderr: "null" })
      .outputSync();
  } catch {
    // There is no sync(1).
  }
  signalEvent(stopEvent);
}
