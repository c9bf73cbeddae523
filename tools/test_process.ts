/**
 * Runs one group of test files in a process of its own, watched: a test that says nothing for too long
 * is ended, with all that it started.
 *
 * @module
 */

import { parseJunit, type TestCase } from "./junit.ts";
import { projectRoot } from "./process.ts";
import type { TestGroup } from "./test_groups.ts";

/** What a group's run gave. */
export interface GroupResult {
  readonly cases: readonly TestCase[];
  /** What went wrong outside of any test: it could not be loaded, was killed, crashed. */
  readonly trouble?: string;
}

/** Limits of one group. */
export interface Limits {
  /** The longest time without a line of output. */
  readonly silenceMs: number;
  /** Shows output as it comes; else all of it in the end, so that groups do not mix. */
  readonly live: boolean;
}

/** Sends `signal` to the process and to all that descend from it. */
function killTree(pid: number, signal: Deno.Signal): void {
  for (const child of childrenOf(pid)) killTree(child, signal);
  try {
    Deno.kill(pid, signal);
  } catch {
    return;
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    return text.split(" ").filter((part) => part !== "").map(Number);
  } catch {
    return [];
  }
}

/** Takes pieces of output. */
interface Sink {
  writeSync(bytes: Uint8Array): number;
}

/** Keeps output until it is shown. */
class Kept implements Sink {
  readonly #pieces: Uint8Array[] = [];

  writeSync(bytes: Uint8Array): number {
    this.#pieces.push(bytes);
    return bytes.length;
  }

  show(): void {
    for (const piece of this.#pieces) {
      for (let done = 0; done < piece.length;) {
        done += Deno.stdout.writeSync(piece.subarray(done));
      }
    }
  }
}

/** Copies a stream to a sink and calls `heard` for every piece. */
async function forward(
  stream: ReadableStream<Uint8Array>,
  to: Sink,
  heard: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    for (let done = 0; done < piece.length;) done += to.writeSync(piece.subarray(done));
    heard(decoder.decode(piece, { stream: true }));
  }
}

function readCases(report: string): readonly TestCase[] | undefined {
  try {
    return parseJunit(Deno.readTextFileSync(report));
  } catch {
    return undefined;
  }
}

/** Runs the group to its end, or until it has been silent for too long. */
export async function runGroup(
  group: TestGroup,
  env: Record<string, string>,
  limits: Limits,
): Promise<GroupResult> {
  const report = Deno.makeTempFileSync({ prefix: "kfs-junit-" });
  const args = ["test", "--no-check", ...group.permissions, `--junit-path=${report}`];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, ...group.files],
    cwd: projectRoot,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let last = "";
  let silent = false;
  const giveUp = () => {
    silent = true;
    killTree(child.pid, "SIGKILL");
  };
  let timer = setTimeout(giveUp, limits.silenceMs);
  const heard = (text: string) => {
    last = text.trim().split("\n").at(-1) ?? last;
    clearTimeout(timer);
    timer = setTimeout(giveUp, limits.silenceMs);
  };
  const kept = limits.live ? undefined : new Kept();
  await Promise.all([
    forward(child.stdout, kept ?? Deno.stdout, heard),
    forward(child.stderr, kept ?? Deno.stderr, heard),
  ]);
  const status = await child.status;
  kept?.show();
  clearTimeout(timer);
  const cases = readCases(report);
  Deno.removeSync(report);
  return judge(cases, status.code, silent ? `silent for ${limits.silenceMs / 1000} s` : "", last);
}

function judge(
  cases: readonly TestCase[] | undefined,
  code: number,
  killed: string,
  last: string,
): GroupResult {
  const known = cases ?? [];
  if (killed !== "") return { cases: known, trouble: `${killed}, ended; last words: ${last}` };
  const failed = known.some((entry) => entry.outcome === "failed");
  if (code !== 0 && !failed) return { cases: known, trouble: `ended with status ${code}: ${last}` };
  if (known.length === 0 && cases === undefined) return { cases: known, trouble: "no report" };
  return { cases: known };
}
