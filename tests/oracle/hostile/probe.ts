/**
 * What a careless program would do with an image: open it, look at everything, read everything, change
 * something. Runs in a process of its own; reads jobs from a file, one JSON object a line, and writes one
 * verdict a line.
 *
 * An answer is good when it is a result or a typed error. Anything else (a TypeError, a RangeError, an
 * out-of-range view) means that something was used before it was validated.
 *
 * @module
 */

import { Corrupt, FsError, type Image, open, SystemError, Unsupported } from "../../../mod.ts";
import { FsError as EngineError } from "../../../fs/errors.ts";
import { Random } from "../../harness/seed.ts";

/** One image to try. */
export interface Job {
  readonly name: string;
  readonly image: string;
  /** Bytes to change at random places that are not zero, before opening. */
  readonly flips: number;
  readonly seed: number;
}

/** What came of it. */
export interface Verdict {
  readonly name: string;
  /** What was unexpected, with its stack; empty when all was well. */
  readonly faults: readonly string[];
  readonly entries: number;
  readonly typedErrors: number;
  readonly peakMiB: number;
  readonly milliseconds: number;
}

const MOST_ENTRIES = 20_000;
const MOST_BYTES = 64 << 20;
const PIECE_BYTES = 1 << 20;

class Probe {
  readonly faults: string[] = [];
  entries = 0;
  typedErrors = 0;
  #bytes = 0;

  /** Runs `action`; a typed error counts, any other is a fault. */
  try<Result>(what: string, action: () => Result): Result | undefined {
    try {
      return action();
    } catch (error) {
      if (isExpected(error)) this.typedErrors++;
      else this.faults.push(`${what}: ${stackOf(error)}`);
      return undefined;
    }
  }

  walk(image: Image): void {
    const iterator = this.try("walk", () => image.walk("/"));
    while (this.entries < MOST_ENTRIES) {
      const next = this.try("walk", () => iterator?.next());
      if (next === undefined || next.done === true) return;
      this.entries++;
      this.look(image, next.value.pathBytes, next.value.isFile);
    }
  }

  look(image: Image, path: Uint8Array, isFile: boolean): void {
    const info = this.try("lstat", () => image.lstat(path));
    if (info?.isSymlink === true) this.try("readLink", () => image.readLink(path));
    const names = this.try("listXattrs", () => image.listXattrs(path)) ?? [];
    for (const name of names) this.try("getXattr", () => image.getXattr(path, name));
    if (isFile && info !== undefined) this.read(image, path, info.size);
  }

  read(image: Image, path: Uint8Array, size: number): void {
    this.try("seekHole", () => image.seekHole(path, 0));
    this.try("seekData", () => image.seekData(path, Math.floor(size / 2)));
    const file = this.try("open", () => image.open(path));
    if (file === undefined) return;
    const into = new Uint8Array(PIECE_BYTES);
    for (const offset of [0, Math.max(0, size - PIECE_BYTES)]) {
      if (this.#bytes > MOST_BYTES) break;
      this.#bytes += this.try("read", () => file.readAt(into, offset)) ?? 0;
    }
    this.try("close", () => file.close());
  }

  change(image: Image, paths: readonly string[]): void {
    const noise = new Uint8Array(70_000).fill(7);
    this.try("mkdir", () => image.mkdir("/new-folder"));
    this.try("writeFile", () => image.writeFile("/new-file", noise));
    for (let index = 0; index < 40; index++) {
      this.try(
        "writeFile",
        () => image.writeTextFile(`/new-folder/${"n".repeat(90)}${index}`, "x"),
      );
    }
    for (const path of paths.slice(0, 300)) this.changeOne(image, path, noise);
    this.try("remove", () => image.remove("/new-file"));
    this.try("trim", () => image.trim());
    this.try("sync", () => image.sync());
  }

  changeOne(image: Image, path: string, noise: Uint8Array): void {
    this.try("chmod", () => image.chmod(path, 0o640));
    this.try("setXattr", () => image.setXattr(path, "user.probe", noise.subarray(0, 500)));
    this.try("truncate", () => image.truncate(path, 100_000));
    this.try("writeFile", () => image.writeFile(path, noise, { append: true }));
    this.try("rename", () => image.rename(path, `${path}~`));
    this.try("link", () => image.link(`${path}~`, `${path}+`));
    this.try("remove", () => image.remove(`${path}~`));
  }
}

function isExpected(error: unknown): boolean {
  if (error instanceof Corrupt || error instanceof Unsupported) return true;
  if (error instanceof EngineError || error instanceof SystemError) return true;
  if (!(error instanceof FsError)) return false;
  return error.cause === undefined || isExpected(error.cause);
}

function stackOf(error: unknown): string {
  const cause = error instanceof FsError && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return (cause.stack ?? cause.message).split("\n").slice(0, 7).join(" | ");
}

function pathsOf(image: Image, probe: Probe): readonly string[] {
  const paths: string[] = [];
  const iterator = probe.try("walk", () => image.walk("/"));
  while (paths.length < 300) {
    const next = probe.try("walk", () => iterator?.next());
    if (next === undefined || next.done === true) return paths;
    paths.push(next.value.path);
  }
  return paths;
}

/** Changes bytes that are not zero: those hold structures. */
function flip(image: string, flips: number, seed: number): void {
  const bytes = Deno.readFileSync(image);
  const random = new Random(seed);
  for (let done = 0, tries = 0; done < flips && tries < 1_000_000; tries++) {
    const at = random.below(bytes.length);
    if (bytes[at] === 0) continue;
    const changes = [1 << random.below(8), 0xff, bytes[at] ?? 0, 0x80];
    bytes[at] = (bytes[at] ?? 0) ^ random.pick(changes);
    done++;
  }
  Deno.writeFileSync(image, bytes);
}

function peakMiB(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? "0") / 1024;
}

function resetPeak(): void {
  try {
    Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  } catch {
    return;
  }
}

/** Tries one image: read-only, as it was left, then read-write. */
function tryImage(job: Job): Verdict {
  const began = performance.now();
  const probe = new Probe();
  resetPeak();
  if (job.flips > 0) flip(job.image, job.flips, job.seed);
  for (const options of [{ readOnly: true }, { readOnly: true, noRecovery: true }]) {
    const image = probe.try("open read-only", () => open(job.image, options));
    if (image === undefined) continue;
    probe.try("statfs", () => image.statfs());
    probe.walk(image);
    probe.try("close", () => image.close());
  }
  const image = probe.try(
    "open read-write",
    () => open(job.image, { errors: "continue", wait: () => true }),
  );
  if (image !== undefined) {
    probe.change(image, pathsOf(image, probe));
    probe.try("close", () => image.close());
  }
  return {
    name: job.name,
    faults: probe.faults,
    entries: probe.entries,
    typedErrors: probe.typedErrors,
    peakMiB: Math.round(peakMiB()),
    milliseconds: Math.round(performance.now() - began),
  };
}

if (import.meta.main) {
  for (const line of Deno.readTextFileSync(Deno.args[0] ?? "").split("\n")) {
    if (line !== "") console.log(JSON.stringify(tryImage(JSON.parse(line) as Job)));
  }
}
