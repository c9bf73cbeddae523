/**
 * The ways of mounting that matter for a crash, and what each promises of the bytes of files.
 *
 * @module
 */

import type { OpenOptions } from "../../fs/ops/open_volume.ts";

export interface DataMode {
  readonly name: string;
  readonly options: Partial<OpenOptions>;
  /**
   * What a file holds after a crash. "ordered": what it held when its metadata were committed, or later.
   * "writeback": the same of what was synced only. "journal": what it held then, exactly.
   */
  readonly promise: "ordered" | "writeback" | "journal";
  /** Every change is durable when it is answered. */
  readonly everyStepDurable?: boolean;
}

export const DATA_MODES: readonly DataMode[] = [
  { name: "ordered", options: {}, promise: "ordered" },
  { name: "writeback", options: { dataMode: "writeback" }, promise: "writeback" },
  { name: "journal", options: { dataMode: "journal" }, promise: "journal" },
  { name: "discard", options: { discard: true }, promise: "ordered" },
  { name: "sync", options: { sync: true }, promise: "ordered", everyStepDurable: true },
];
