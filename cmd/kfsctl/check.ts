/**
 * `kfsctl check IMAGE`: the checker on the command line. A thread of its own does the work, so that
 * this one can hear SIGINT.
 *
 * @module
 */

import type { CheckReport } from "../../mod.ts";
import { parseBytes, parseNumber } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { usedBy } from "../shared/in_use.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { CheckOrder, FromCheckWorker } from "./check_messages.ts";
import { codeTable, toJson, toText } from "./check_report.ts";
import type { Subcommand } from "./commands.ts";
import type { MountStatus } from "../shared/mount_status.ts";
import { MountClient } from "./mount_client.ts";
import { findTarget, type Target } from "./target.ts";

/** Exit statuses as e2fsck's. */
const Status = { CLEAN: 0, ERRORS: 4, FAILURE: 8, USAGE: 16, CANCELLED: 32, FAULT: 128 } as const;
/** Findings printed unless --limit says otherwise. */
const USUAL_LIMIT = 200;

export const CHECK: Subcommand = {
  spec: {
    name: "kfsctl check",
    summary: "Checks the ext2, ext3 or ext4 file system in an image file or on a block device. " +
      "Nothing is written: repair is left to e2fsck.",
    operands: "TARGET",
    options: [
      { name: "json", help: "print the report as JSON" },
      { letter: "q", help: "print nothing; the exit status tells" },
      { name: "limit", value: "N", help: `findings to print, ${USUAL_LIMIT} if not given` },
      { name: "journal", value: "FILE", help: "where the journal is, if it is outside" },
      { name: "no-replay", help: "check what is there without the journal's replay" },
      {
        name: "allow-orphans",
        help: "inodes that wait for deletion are no errors without a replay either",
      },
      { name: "offset", value: "BYTES", help: "where the file system begins in the file" },
      {
        letter: "f",
        name: "force",
        help: "check even if the image is in use (mounted by kfs: written out first)",
      },
      { name: "codes", help: "list everything that can be found, with e2fsck's numbers" },
      { letter: "h", name: "help", help: "print this" },
    ],
    notes: `If the journal needs recovery, the state after its replay is checked.

Exit status: 0 clean, 4 errors were found, 8 the check was not possible, 16 wrong usage,
32 cancelled, 128 internal error.`,
  },
  statuses: { usage: Status.USAGE, failure: Status.FAILURE, fault: Status.FAULT },
  run,
};

async function run(line: CommandLine): Promise<number> {
  if (line.has("codes")) {
    console.log(codeTable());
    return Status.CLEAN;
  }
  const [named, ...more] = line.operands;
  if (named === undefined || more.length > 0) throw new CommandError("name one image");
  const force = line.has("f");
  const given = readOrder(line, named, force);
  const order = { ...given, ...imageBehind(named, given.offsetBytes, force) };
  const { path } = order;
  if (!force) {
    const user = usedBy(path);
    if (user !== undefined) return fail(`${user}: unmount it, or use --force`);
  }
  const json = line.has("json");
  const quiet = line.has("q");
  const bar = new ProgressBar(!json && !quiet);
  const report = await inWorker(order, bar);
  bar.clear();
  if (typeof report === "number") return report;
  if (json) console.log(toJson(path, report));
  else if (!quiet) console.log(toText(path, report));
  return statusOf(report);
}

/**
 * Where the image is when a path in a mount was named. With `force` what the mount has not written yet is written first:
 * as long as nobody changes anything, the image is then whole.
 */
function imageBehind(named: string, offsetBytes: number, force: boolean): Partial<CheckOrder> {
  const target = targetOf(named, offsetBytes);
  if (target === undefined || target.kind === "image") return {};
  using client = new MountClient(target.mountPoint);
  const status = client.ask<MountStatus>("status");
  if (force) client.ask("sync");
  return { path: status.image, offsetBytes: status.offsetBytes };
}

/** Undefined for what is neither image nor mount: opening it will tell. */
function targetOf(named: string, offsetBytes: number): Target | undefined {
  try {
    return findTarget(named, offsetBytes);
  } catch {
    return undefined;
  }
}

function readOrder(line: CommandLine, path: string, force: boolean): CheckOrder {
  const limit = line.last("limit");
  const offset = line.last("offset");
  return {
    path,
    offsetBytes: offset === undefined ? 0 : parseBytes(offset, "--offset", 1),
    lock: !force,
    journalPath: line.last("journal"),
    journal: line.has("no-replay") ? "ignore" : "replay",
    allowOrphans: line.has("allow-orphans") ? true : undefined,
    maxFindings: limit === undefined ? USUAL_LIMIT : parseNumber(limit, "--limit"),
    stop: new SharedArrayBuffer(4),
  };
}

function fail(text: string): number {
  console.error(`${CHECK.spec.name}: ${text}`);
  return Status.FAILURE;
}

function statusOf(report: CheckReport): number {
  if (report.cancelled) return Status.CANCELLED;
  if (!report.complete) return Status.FAILURE;
  return report.clean ? Status.CLEAN : Status.ERRORS;
}

/** The report; or, after a message, the exit status. */
function inWorker(order: CheckOrder, bar: ProgressBar): Promise<CheckReport | number> {
  const worker = new Worker(new URL("./check_worker.ts", import.meta.url), { type: "module" });
  const stop = (): void => void Atomics.store(new Int32Array(order.stop), 0, 1);
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  return new Promise((resolve) => {
    worker.onmessage = (event: MessageEvent<FromCheckWorker>) => {
      const message = event.data;
      if (message.kind === "progress") bar.update(message.step, message.done, message.total);
      else if (message.kind === "report") resolve(message.report);
      else {
        bar.clear();
        resolve(fail(message.text));
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      bar.clear();
      console.error(`${CHECK.spec.name}: internal error: ${event.message}`);
      resolve(Status.FAULT);
    };
    worker.postMessage(order);
  });
}
