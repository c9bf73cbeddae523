/// <reference lib="deno.worker" />
/**
 * The thread that checks.
 *
 * @module
 */

import { openFileDevice } from "../../ffi/device/open.ts";
import { check } from "../../fs/check/check.ts";
import { errorLine } from "../shared/command_error.ts";
import type { CheckOrder, FromCheckWorker } from "./check_messages.ts";

const PROGRESS_MS = 100;

function tell(message: FromCheckWorker): void {
  self.postMessage(message);
}

function work(order: CheckOrder): void {
  const stop = new Int32Array(order.stop);
  let toldMs = performance.now();
  const device = openFileDevice(order.path, {
    readOnly: true,
    lock: order.lock,
    offsetBytes: order.offsetBytes,
  });
  const journal = order.journalPath === undefined
    ? undefined
    : openFileDevice(order.journalPath, { readOnly: true, lock: order.lock });
  try {
    const report = check(device, {
      ...(journal === undefined ? {} : { journalDevice: journal }),
      journal: order.journal,
      ...(order.allowOrphans === undefined ? {} : { allowOrphans: order.allowOrphans }),
      maxFindings: order.maxFindings,
      maxFindingsOfCode: order.maxFindings,
      shouldStop: () => Atomics.load(stop, 0) !== 0,
      progress: (step, done, total) => {
        const now = performance.now();
        if (now - toldMs < PROGRESS_MS) return;
        toldMs = now;
        tell({ kind: "progress", step, done, total });
      },
    });
    tell({ kind: "report", report });
  } finally {
    journal?.close();
    device.close();
  }
}

self.onmessage = (event: MessageEvent<CheckOrder>) => {
  try {
    work(event.data);
  } catch (error) {
    const text = errorLine(error);
    // A fault of the program ends the thread, and the main thread says so.
    if (text === undefined) throw error;
    tell({ kind: "failed", text });
  }
};
