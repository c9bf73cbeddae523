/**
 * Runs the fuzzer: makes the base images, gives numbers to processes, ends those that hang or swell, and goes on.
 *
 * @module
 */

import { projectRoot, run } from "../../tools/process.ts";
import { Scratch } from "../harness/scratch.ts";
import { makeBase, writeSource } from "./base_image.ts";
import { noTotals, type Totals } from "./fuzz_process.ts";
import type { Outcome } from "./one_image.ts";
import { SHAPES } from "./shapes.ts";

/** The most that a process may hold, in MiB. */
const MEMORY_LIMIT_MIB = 1024;
/** Processor time that one image may take, in seconds; they take some hundredths. */
const SECONDS_AN_IMAGE = 8;
/** Images that one process tries. */
const BATCH = 400;
const WATCH_MS = 100;
const TICKS_A_SECOND = 100;

const PROCESS = new URL("./fuzz_process.ts", import.meta.url).pathname;

/** What to run. */
export interface FuzzPlan {
  readonly seed: number;
  readonly first: number;
  readonly images: number;
  /** Stops with the batch that goes past this. */
  readonly minutes: number;
  /** Where a single image is kept, before and after. */
  readonly keep?: string;
}

/** What a run gave. */
export interface FuzzRun {
  readonly totals: Totals;
  /** A fault a line: which image, what was mutated, what went wrong. */
  readonly faults: readonly string[];
}

/** Makes the base images in `folder`. */
function makeBases(folder: string): void {
  Deno.mkdirSync(`${folder}/source`);
  writeSource(`${folder}/source`);
  SHAPES.forEach((shape, index) =>
    Deno.writeFileSync(`${folder}/base-${index}`, makeBase(shape, folder))
  );
}

/** Runs a plan. @param report is told of progress and of each fault as it is found. */
export async function runFuzz(plan: FuzzPlan, report: (line: string) => void): Promise<FuzzRun> {
  using scratch = new Scratch("fuzz");
  makeBases(scratch.folder);
  const fuzzer = new Fuzzer(plan, scratch.folder, report);
  const deadline = performance.now() + plan.minutes * 60_000;
  const end = plan.first + plan.images;
  for (let next = plan.first; next < end && performance.now() < deadline;) {
    next = await fuzzer.batch(next, Math.min(end, next + BATCH));
    const { images } = fuzzer.totals;
    report(`${images} of ${plan.images} images, ${fuzzer.faults.length} faults`);
  }
  return { totals: fuzzer.totals, faults: fuzzer.faults };
}

class Fuzzer {
  readonly totals = noTotals();
  readonly faults: string[] = [];

  constructor(
    readonly plan: FuzzPlan,
    readonly folder: string,
    readonly report: (line: string) => void,
  ) {}

  /** Tries images in one process; returns the number of the next image to try. */
  async batch(first: number, end: number): Promise<number> {
    const { seed, keep } = this.plan;
    const own = [this.folder, String(seed), String(first), String(end)];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", PROCESS, ...own, ...(keep === undefined ? [] : [keep])],
      cwd: projectRoot,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const watch = new Watch(child);
    const words = new Response(child.stderr).text();
    let current = first;
    await readLines(child.stdout, (line) => {
      watch.rest();
      const [what, ...rest] = line.split(" ");
      if (what === "begin") current = Number(rest[0]);
      else if (what === "outcome") this.#judge(JSON.parse(rest.join(" ")) as Outcome);
      else if (what === "end") this.#add(JSON.parse(rest.join(" ")) as Totals);
    });
    const status = await child.status;
    watch.end();
    if (status.success && watch.killed === undefined) return end;
    const why = watch.killed ?? `died with status ${status.code}: ${(await words).slice(0, 1500)}`;
    this.#fault(`image ${current}: ${why}`);
    this.totals.images += current - first + 1;
    return current + 1;
  }

  #judge(outcome: Outcome): void {
    const { index, shape, mutations, faults } = outcome;
    if (this.plan.keep !== undefined) this.report(JSON.stringify(outcome, undefined, 2));
    if (faults.length === 0) return;
    const lines = faults.slice(0, 5).map((fault) => `\n    ${fault}`).join("");
    this.#fault(`image ${index} (${shape}): ${mutations.join("; ")}${lines}`);
  }

  #fault(text: string): void {
    const { seed } = this.plan;
    const replay = `deno task fuzz --seed ${seed} --only ${/image (\d+)/.exec(text)?.[1] ?? "?"}`;
    this.faults.push(`${text}\n    replay: ${replay}`);
    this.report(this.faults.at(-1) ?? "");
  }

  #add(totals: Totals): void {
    const sum = this.totals;
    for (const key of ["images", "entries", "changes", "typedErrors", "bystanders"] as const) {
      sum[key] += totals[key];
    }
    if (totals.slowestMilliseconds <= sum.slowestMilliseconds) return;
    sum.slowestMilliseconds = totals.slowestMilliseconds;
    sum.slowestIndex = totals.slowestIndex;
  }
}

/** Ends a process that works on one image for too long, or holds too much memory. */
class Watch {
  killed: string | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  #since: number;

  constructor(readonly child: Deno.ChildProcess) {
    this.#since = processorSeconds(child.pid);
    this.#timer = setInterval(() => this.#look(), WATCH_MS);
  }

  /** Something was heard: the next image's time begins. */
  rest(): void {
    this.#since = Infinity;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const seconds = processorSeconds(this.child.pid);
    if (this.#since === Infinity) this.#since = seconds;
    const resident = residentMiB(this.child.pid);
    if (resident > MEMORY_LIMIT_MIB) this.killed = `holds ${Math.round(resident)} MiB`;
    if (seconds - this.#since > SECONDS_AN_IMAGE) {
      this.killed = `hangs: ${SECONDS_AN_IMAGE} seconds of processor time`;
    }
    if (this.killed !== undefined) this.child.kill("SIGKILL");
  }
}

function processorSeconds(pid: number): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  } catch {
    return 0;
  }
}

function residentMiB(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? "0") / 1024;
  } catch {
    return 0;
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, heard: (line: string) => void) {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(heard);
  }
}

/** What e2fsck says of an image that was kept. */
export function e2fsckWords(path: string): string {
  return run("e2fsck", ["-fn", path]).stdout;
}
