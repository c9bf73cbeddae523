/**
 * Serving a mount from its making to its end, and telling whoever started it.
 *
 * @module
 */

import { O_RDWR } from "../../ffi/libc/constants.ts";
import { close, open, replaceDescriptor } from "../../ffi/libc/file.ts";
import { hearOfParentsEnd, leaveTerminal } from "../../ffi/libc/process.ts";
import { SIGTERM } from "../../ffi/libc/signals.ts";
import { type Handover, READY } from "./handover.ts";
import { openLog } from "./log.ts";
import { type MakeGuests, serveImage } from "./serve_image.ts";

/**
 * Mounts and serves until unmounted, SIGINT, SIGTERM or SIGHUP.
 * @returns the exit status: 0 after a clean unmount, 1 when the mount failed, 2 when the file system
 *   was stopped by an error.
 * @param guests for mounts that virtual machines use, too.
 */
export function serve({ options, starter }: Handover, guests?: MakeGuests): number {
  const inBackground = starter !== 0;
  if (inBackground) {
    hearOfParentsEnd(SIGTERM);
    if (Deno.ppid !== starter) return 1;
    leaveTerminal();
    Deno.chdir("/");
  }
  const log = openLog(options);
  return serveImage(options, {
    ready(): void {
      if (!inBackground) return;
      log.detach();
      hearOfParentsEnd(0);
      Deno.stdout.writeSync(Uint8Array.of(READY));
      leaveStandardStreams();
    },
    log: (text) => log.write(text),
    failed: (text) => console.error(`kfs: ${text}`),
  }, guests);
}

/** Whoever started this process reads no longer what it says. */
function leaveStandardStreams(): void {
  const nothing = open("/dev/null", O_RDWR);
  for (const stream of [0, 1, 2]) replaceDescriptor(nothing, stream, 0);
  close(nothing);
}
