/** What the two threads of kfs tell each other. @module */

import type { KfsOptions } from "./mount_options.ts";

/** The only message to the worker. */
export interface ToWorker {
  readonly options: KfsOptions;
}

export type FromWorker =
  /** The eventfd whose signal ends the serving. */
  | { readonly kind: "started"; readonly stopEvent: number }
  /** The mount answers. */
  | { readonly kind: "ready" }
  | { readonly kind: "log"; readonly text: string }
  /** Not mounted, and why. */
  | { readonly kind: "failed"; readonly text: string }
  /** No longer mounted; the exit status. */
  | { readonly kind: "ended"; readonly status: number };
