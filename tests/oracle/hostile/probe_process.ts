/**
 * Runs probes in processes of their own, under limits of time and memory.
 *
 * @module
 */

import type { Job, Verdict } from "./probe.ts";

/** The most that a process may hold, in MiB, whatever the image says. */
export const MEMORY_LIMIT_MIB = 1024;

/** The longest that one image may take. */
const TIME_LIMIT_MS = 60_000;

const PROBE = new URL("./probe.ts", import.meta.url).pathname;

/** What a run of many images gave. */
export interface ProbeRun {
  readonly verdicts: readonly Verdict[];
  /** One line each: an image at which the process died, hung, or misbehaved. */
  readonly faults: readonly string[];
}

interface BatchEnd {
  readonly verdicts: Verdict[];
  readonly fault: string | undefined;
}

function residentMiB(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? "0") / 1024;
  } catch {
    return 0;
  }
}

/** Runs jobs until the end or the first death; tells how far it came. */
async function runBatch(jobs: readonly Job[]): Promise<BatchEnd> {
  const list = Deno.makeTempFileSync({ prefix: "kfs-jobs-" });
  Deno.writeTextFileSync(list, jobs.map((job) => JSON.stringify(job)).join("\n"));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", PROBE, list],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let killed: string | undefined;
  let lastWord = performance.now();
  const watch = setInterval(() => {
    const resident = residentMiB(child.pid);
    if (resident > MEMORY_LIMIT_MIB) killed = `holds ${Math.round(resident)} MiB`;
    if (performance.now() - lastWord > TIME_LIMIT_MS) killed = `hangs (${TIME_LIMIT_MS} ms)`;
    if (killed !== undefined) child.kill("SIGKILL");
  }, 50);
  const verdicts: Verdict[] = [];
  const errors = new Response(child.stderr).text();
  await readLines(child.stdout, (line) => {
    lastWord = performance.now();
    verdicts.push(JSON.parse(line) as Verdict);
  });
  const status = await child.status;
  clearInterval(watch);
  Deno.removeSync(list);
  const words = (await errors).trim().slice(0, 500);
  if (killed === undefined && status.success) return { verdicts, fault: undefined };
  return { verdicts, fault: killed ?? `died with status ${status.code}: ${words}` };
}

async function readLines(stream: ReadableStream<Uint8Array>, heard: (line: string) => void) {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(heard);
  }
}

function judge(verdict: Verdict): readonly string[] {
  const faults = verdict.faults.slice(0, 2).map((fault) => `${verdict.name}: ${fault}`);
  if (verdict.peakMiB <= MEMORY_LIMIT_MIB) return faults;
  return [...faults, `${verdict.name}: held ${verdict.peakMiB} MiB`];
}

/** Tries all jobs, going on with the next when a process had to be ended. */
export async function runProbes(jobs: readonly Job[]): Promise<ProbeRun> {
  const verdicts: Verdict[] = [];
  const faults: string[] = [];
  for (let next = 0; next < jobs.length;) {
    const batch = await runBatch(jobs.slice(next));
    verdicts.push(...batch.verdicts);
    next += batch.verdicts.length;
    if (batch.fault === undefined) break;
    faults.push(`${jobs[next]?.name ?? "after the last image"}: ${batch.fault}`);
    next++;
  }
  return { verdicts, faults: [...verdicts.flatMap(judge), ...faults] };
}
