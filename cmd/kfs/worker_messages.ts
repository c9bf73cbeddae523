/** What the two threads of kfs tell each other. @module */

import type { IoStart } from "../../ffi/io/start_worker.ts";
import type { KfsOptions } from "./mount_options.ts";

/** The only message to the worker. */
export interface ToWorker {
  readonly options: KfsOptions;
}

export type FromWorker =
  /** The eventfd whose signal ends the serving. */
  | { readonly kind: "started"; readonly stopEvent: number }
  /** A thread is wanted that writes the journal. */
  | { readonly kind: "io"; readonly start: IoStart }
  /** The mount answers. */
  | { readonly kind: "ready" }
  | { readonly kind: "log"; readonly text: string }
  /** Not mounted, and why. */
  | { readonly kind: "failed"; readonly text: string }
  /** No longer mounted; the exit status. */
  | { readonly kind: "ended"; readonly status: number };
