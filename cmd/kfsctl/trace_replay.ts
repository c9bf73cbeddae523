/**
 * Doing again what a trace recorded, below another directory: names, sizes and order are those of the
 * trace, content is made up.
 *
 * @module
 */

import { O_DIRECTORY, O_PATH } from "../../ffi/libc/constants.ts";
import { errnoName } from "../../ffi/libc/errno.ts";
import { SystemError } from "../../ffi/libc/error.ts";
import { close, open } from "../../ffi/libc/file.ts";
import { openInside } from "../../ffi/libc/open_inside.ts";
import type { TraceLine } from "../shared/trace_file.ts";
import { OpenFiles } from "./replay_files.ts";
import { REPLAYS, type ReplayWorld } from "./replay_operations.ts";
import { TracePaths } from "./trace_paths.ts";
import type { Trace } from "./trace_reader.ts";

/** How to replay. */
export interface ReplayOptions {
  /** Keep the times between requests. */
  readonly pace: boolean;
  /** Told every now and then how many requests were done. */
  readonly progress: (count: number) => void;
}

/** How it went. Times are microseconds. */
export interface Replayed {
  readonly requests: number;
  readonly done: number;
  readonly microseconds: number;
  readonly microsecondsThen: number;
  /** Requests that were not done, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Requests that were done and ended otherwise, e.g. `UNLINK: ENOENT, then ok`. */
  readonly different: Readonly<Record<string, number>>;
  readonly operations: readonly {
    readonly name: string;
    readonly count: number;
    readonly took: number;
    readonly tookThen: number;
  }[];
}

const PROGRESS_EVERY = 256;
const ENOTDIR = 20;
const ENODATA = 61;

/** Does everything again. @throws SystemError when there is no such directory */
export async function replayTrace(
  trace: Trace,
  directory: string,
  { pace, progress }: ReplayOptions,
): Promise<Replayed> {
  const replay = new Replay(directory, new TracePaths(trace.tail?.paths ?? {}));
  const begin = performance.now();
  let requests = 0;
  let microsecondsThen = trace.tail?.microseconds ?? 0;
  try {
    for (const line of trace.requests()) {
      microsecondsThen = Math.max(microsecondsThen, line.at + line.took);
      const early = pace ? line.at / 1000 - (performance.now() - begin) : 0;
      if (early >= 1) await new Promise((resolve) => setTimeout(resolve, early));
      replay.one(line);
      if (++requests % PROGRESS_EVERY === 0) progress(requests);
    }
  } finally {
    replay.close();
  }
  const microseconds = (performance.now() - begin) * 1000;
  return { requests, microseconds, microsecondsThen, ...replay.result() };
}

/** The state of a replay. */
class Replay {
  readonly #root: number;
  readonly #files = new OpenFiles();
  readonly #skipped = new Map<string, number>();
  readonly #different = new Map<string, number>();
  readonly #operations = new Map<string, { count: number; took: number; tookThen: number }>();
  #done = 0;

  constructor(directory: string, readonly paths: TracePaths) {
    this.#root = open(directory, O_PATH | O_DIRECTORY);
  }

  /** Does one request. */
  one(line: TraceLine): void {
    const play = Object.hasOwn(REPLAYS, line.operation) ? REPLAYS[line.operation] : undefined;
    if (play === undefined) count(this.#skipped, `${line.operation} has no counterpart`);
    else this.#play(line, play);
    this.paths.follow(line);
  }

  #play(line: TraceLine, play: (world: ReplayWorld, line: TraceLine) => number | undefined): void {
    const opened: number[] = [];
    const world: ReplayWorld = {
      files: this.#files,
      directory: (node) => this.#directory(this.paths.namesOf(node), opened),
      place: (node) => {
        const names = this.paths.namesOf(node);
        const name = names?.pop();
        const directory = this.#directory(names, opened);
        return directory === undefined ? undefined : { directory, name: name ?? "." };
      },
    };
    const begin = performance.now();
    const result = play(world, line);
    const took = (performance.now() - begin) * 1000;
    for (const descriptor of opened) close(descriptor);
    if (result === undefined) return count(this.#skipped, "of a node whose name is not known");
    this.#note(line, result, took);
  }

  #note(line: TraceLine, result: number, took: number): void {
    this.#done++;
    const operation = this.#operations.get(line.operation) ?? { count: 0, took: 0, tookThen: 0 };
    this.#operations.set(line.operation, operation);
    operation.count++;
    operation.took += took;
    operation.tookThen += line.took;
    // That a name is not there may be answered so that the kernel remembers it.
    const isMissing = line.operation === "LOOKUP" && line.result >= 0 && line.found === undefined;
    const [now, then] = [outcome(result), isMissing ? "ENOENT" : outcome(line.result)];
    if (now !== then) count(this.#different, `${line.operation}: ${now}, then ${then}`);
  }

  /** Opened until the request is done; undefined where the way there is not known or no directory. */
  #directory(names: readonly string[] | undefined, opened: number[]): number | undefined {
    if (names === undefined || !names.every(isName)) return undefined;
    if (names.length === 0) return this.#root;
    try {
      const descriptor = openInside(this.#root, names.join("/"), O_PATH | O_DIRECTORY);
      opened.push(descriptor);
      return descriptor;
    } catch (error) {
      if (error instanceof SystemError && error.errno <= ENOTDIR) return undefined;
      throw error;
    }
  }

  result() {
    return {
      done: this.#done,
      skipped: Object.fromEntries(this.#skipped),
      different: Object.fromEntries(this.#different),
      operations: [...this.#operations].map(([name, values]) => ({ name, ...values }))
        .sort((a, b) => b.count - a.count),
    };
  }

  close(): void {
    this.#files.closeAll();
    close(this.#root);
  }
}

/** A name that leads nowhere else than into its directory. */
function isName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Attributes that are not there are answered so by the mount, and by the kernel for some. */
function outcome(result: number): string {
  return result >= 0 || result === -ENODATA ? "ok" : errnoName(-result);
}
