/** What the process that was started hands to the one that serves the mount, and hears of it. @module */

import { SIGHUP, SIGINT, SIGTERM } from "../../ffi/libc/signals.ts";
import type { KfsOptions } from "./mount_options.ts";

/** The environment variable that holds it. */
export const HANDOVER_VARIABLE = "KFS_SERVE";

/** The byte that says, on standard output, that the mount answers: the last that is read there. */
export const READY = 1;

/** The signals that end a mount: blocked in the serving process. */
export const STOP_SIGNALS = [SIGHUP, SIGINT, SIGTERM] as const;

export interface Handover {
  readonly options: KfsOptions;
  /** The process that waits for the mount, with which this one ends until then; 0 in the foreground. */
  readonly starter: number;
}

/** Whether this process is to serve a mount. */
export function isServingProcess(): boolean {
  return Deno.env.has(HANDOVER_VARIABLE);
}

/** What the starting process handed over. */
export function takeHandover(): Handover {
  const text = Deno.env.get(HANDOVER_VARIABLE) ?? "";
  Deno.env.delete(HANDOVER_VARIABLE);
  return JSON.parse(text);
}
