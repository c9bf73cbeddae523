/**
 * Tests that need something of the machine: when it is missing they are skipped with a reason, which
 * `deno task test` lists at its end. Nothing is skipped silently.
 *
 * @module
 */

import { findProgram } from "../../tools/process.ts";

/** Something that a test needs: undefined when it is here, else the reason that is reported. */
export type Need = () => string | undefined;

/** The environment variable that names the file in which skips are recorded, one JSON object a line. */
export const SKIP_LOG_VARIABLE = "KFS_SKIP_LOG";

/** One recorded skip. */
export interface SkipRecord {
  readonly name: string;
  readonly reason: string;
}

/** Default limit of one test. The runner also ends a test file that says nothing for long. */
const TEST_TIMEOUT_MS = 240_000;

/** Records that `name` is skipped, and says so when nobody keeps the record. */
export function recordSkip(name: string, reason: string): void {
  const log = Deno.env.get(SKIP_LOG_VARIABLE);
  if (log === undefined) {
    console.log(`skipped: ${name}: ${reason}`);
    return;
  }
  const record: SkipRecord = { name, reason };
  Deno.writeTextFileSync(log, `${JSON.stringify(record)}\n`, { append: true });
}

/** The first unmet need's reason, or undefined when all are met. */
export function unmet(needs: readonly Need[]): string | undefined {
  for (const need of needs) {
    const reason = need();
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** How to define a test that needs something. */
export interface NeedyTest {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly timeoutMs?: number;
  readonly fn: (context: Deno.TestContext) => void | Promise<void>;
}

/** `Deno.test`, skipped with a recorded reason when one of the needs is not met. */
export function testWith(test: NeedyTest): void {
  const reason = unmet(test.needs);
  if (reason !== undefined) recordSkip(test.name, reason);
  Deno.test({
    name: test.name,
    ignore: reason !== undefined,
    timeout: test.timeoutMs ?? TEST_TIMEOUT_MS,
    fn: test.fn,
  });
}

/** Needs each of these programs on PATH. */
export function programs(...names: readonly string[]): Need {
  return () => {
    const missing = names.filter((name) => findProgram(name) === undefined);
    return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
  };
}

/** Needs root. */
export const root: Need = () => Deno.uid() === 0 ? undefined : "needs root";

/** Needs a FUSE device that can be opened. */
export const fuse: Need = () => {
  try {
    Deno.openSync("/dev/fuse", { read: true, write: true }).close();
    return undefined;
  } catch (error) {
    return `/dev/fuse cannot be opened (${error instanceof Error ? error.name : String(error)})`;
  }
};

/** How long sync(2) may take on a machine where it works. */
const SYNC_LIMIT_MS = 20_000;

/**
 * Needs sync(2) to return: it waits for all file systems of the machine, and one that hangs, of whatever kind, keeps
 * it for ever. The process that tries cannot be ended then, so nobody waits for it.
 */
export const syncReturns: Need = () => {
  syncAnswer ??= { reason: trySync() };
  return syncAnswer.reason;
};

let syncAnswer: { readonly reason: string | undefined } | undefined;

function trySync(): string | undefined {
  const child = new Deno.Command("sync", { stdin: "null", stdout: "null", stderr: "null" }).spawn();
  child.unref();
  const end = performance.now() + SYNC_LIMIT_MS;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < end) {
    if (hasEnded(child.pid)) return undefined;
    Atomics.wait(pause, 0, 0, 20);
  }
  return "sync(2) does not return: a file system of this machine hangs";
}

function hasEnded(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return true;
  }
}
