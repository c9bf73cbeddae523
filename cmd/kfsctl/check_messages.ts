/**
 * What the two threads of `kfsctl check` tell each other.
 *
 * @module
 */

import type { CheckReport } from "../../mod.ts";

/** The task. */
export interface CheckOrder {
  readonly path: string;
  readonly offsetBytes: number;
  /** Take the image's lock, and fail when it is taken. */
  readonly lock: boolean;
  /** File or device with the journal; undefined: it is inside. */
  readonly journalPath: string | undefined;
  readonly journal: "replay" | "ignore";
  /** Undefined: as the checker has it. */
  readonly allowOrphans: boolean | undefined;
  readonly maxFindings: number;
  /** One 32-bit word: not 0 asks for an early end. */
  readonly stop: SharedArrayBuffer;
}

/** The answers. */
export type FromCheckWorker =
  | {
    readonly kind: "progress";
    readonly step: string;
    readonly done: number;
    readonly total: number;
  }
  | { readonly kind: "report"; readonly report: CheckReport }
  | { readonly kind: "failed"; readonly text: string };
