/**
 * The serving process: this thread keeps signals and the log, a Worker does the work.
 *
 * @module
 */

import { startIoWorker } from "../../ffi/io/start_worker.ts";
import { READY_LINE } from "./background.ts";
import { openLog } from "./log.ts";
import type { KfsOptions } from "./mount_options.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

/**
 * Mounts and serves until unmounted, SIGINT, SIGTERM or SIGHUP.
 * @returns the exit status: 0 after a clean unmount, 1 when the mount failed, 2 when the file system
 *   was stopped by an error.
 */
export function serve(options: KfsOptions): Promise<number> {
  const log = openLog(options);
  /** The worker's eventfd; undefined until it is made. */
  let stopEvent: number | undefined;
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  let ready = false;
  const stop = (): void =>
    void (ready ? unmountOrStop(options.mountPoint, stopEvent) : giveUp(stopEvent));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, stop);
  }
  return new Promise((resolve) => {
    const handlers: {
      [Kind in FromWorker["kind"]]: (message: FromWorker & { kind: Kind }) => void;
    } = {
      ready: () => {
        ready = true;
        if (options.foreground) return;
        console.log(READY_LINE);
        log.detach();
      },
      started: (message) => void (stopEvent = message.stopEvent),
      // A failure reaches the serving thread through the queue.
      io: (message) => void startIoWorker(message.start).catch(() => {}),
      log: (message) => log.write(message.text),
      failed: (message) => {
        console.error(`kfs: ${message.text}`);
        resolve(1);
      },
      ended: (message) => resolve(message.status),
    };
    worker.onmessage = (event: MessageEvent<FromWorker>) => {
      const message = event.data;
      (handlers[message.kind] as (message: FromWorker) => void)(message);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      log.write(`the serving thread failed: ${event.message}`);
      resolve(2);
    };
    const start: ToWorker = { options };
    worker.postMessage(start);
  });
}

/** Before the mount is there: opening the image may be waiting, the loop ends when it begins. */
async function giveUp(stopEvent: number | undefined): Promise<void> {
  if (stopEvent === undefined) Deno.exit(1);
  const { signalEvent } = await import("../../ffi/libc/event.ts");
  signalEvent(stopEvent);
}

/**
 * Unmounts as umount(8) would, so that the kernel writes out what it holds. A busy mount is synced,
 * taken out of the tree and served no longer.
 */
async function unmountOrStop(mountPoint: string, stopEvent: number | undefined): Promise<void> {
  // Loaded only now: opening the C library takes longer than anything else that this thread does.
  const { unmountFuse } = await import("../../ffi/libfuse3/mount.ts");
  const { signalEvent } = await import("../../ffi/libc/event.ts");
  try {
    unmountFuse(mountPoint);
    return;
  } catch {
    // Busy, or already gone.
  }
  await new Deno.Command("sync", { args: ["-f", mountPoint], stdout: "null", stderr: "null" })
    .output().catch(() => {});
  if (stopEvent !== undefined) signalEvent(stopEvent);
}
