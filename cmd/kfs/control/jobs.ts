/**
 * Jobs of a mount: long work in short steps, between requests.
 *
 * @module
 */

import type { JobState, Progress } from "../../shared/control_protocol.ts";
import { ControlError, type ControlJob } from "./command.ts";

/** How long steps are done in a row. */
const TURN_MS = 2;
/** After so long without a question about it a job is given up: whoever started it is gone. */
const FORSAKEN_MS = 30_000;
/** Jobs that are remembered, those that ended included. */
const MAX_JOBS = 32;
const MAX_RUNNING = 4;

interface Job {
  readonly id: number;
  readonly name: string;
  readonly changes: boolean;
  readonly steps: Generator<Progress, unknown, void>;
  state: JobState["state"];
  progress: Progress;
  result: unknown;
  message: string;
  askedMs: number;
}

/** What jobs need of the mount. */
export interface JobsHost {
  /** A number that grows with each request. */
  readonly requests: () => number;
  readonly monotonicMs: () => number;
  /** Asks for `turn` to be called soon. */
  readonly hurry: () => void;
  /** The line for something that a step threw. */
  readonly failed: (error: unknown, name: string) => string;
}

/** The jobs of one mount. */
export class Jobs {
  readonly #jobs = new Map<number, Job>();
  #nextId = 1;
  #requestsSeen = 0;

  constructor(readonly host: JobsHost) {}

  /** Starts a job. @throws ControlError "busy" */
  start(name: string, job: ControlJob, begin: () => Generator<Progress, unknown, void>): JobState {
    const running = [...this.#running()];
    const other = running.find((one) => one.changes);
    if (job.changes && other !== undefined) {
      throw new ControlError("busy", `${other.name} is under way (job ${other.id})`);
    }
    if (running.length >= MAX_RUNNING) {
      throw new ControlError("busy", `${running.length} jobs are under way`);
    }
    const steps = begin();
    this.#forgetOldest();
    const id = this.#nextId++;
    const started: Job = {
      id,
      name,
      changes: job.changes,
      steps,
      state: "running",
      progress: { done: 0, total: 0 },
      result: undefined,
      message: "",
      askedMs: this.host.monotonicMs(),
    };
    this.#jobs.set(id, started);
    this.host.hurry();
    return stateOf(started);
  }

  /** How far a job is. @throws ControlError "missing" */
  poll(id: number): JobState {
    const job = this.#find(id);
    job.askedMs = this.host.monotonicMs();
    return stateOf(job);
  }

  /** Ends a job where it is. One that has ended stays as it is. @throws ControlError "missing" */
  cancel(id: number): JobState {
    const job = this.#find(id);
    this.#cancel(job);
    return stateOf(job);
  }

  /** All jobs that are remembered. */
  list(): readonly JobState[] {
    return [...this.#jobs.values()].map(stateOf);
  }

  /** Ends all: the file system is about to be closed. */
  cancelAll(): void {
    for (const job of this.#running()) this.#cancel(job);
  }

  /**
   * Does steps of each running job for a short time.
   * @returns milliseconds until it wants the next turn: none when nobody else asked for anything since the last one.
   */
  turn(): number {
    const { host } = this;
    let any = false;
    for (const job of this.#running()) {
      const begin = host.monotonicMs();
      if (begin - job.askedMs > FORSAKEN_MS) {
        this.#cancel(job);
        continue;
      }
      while (job.state === "running" && host.monotonicMs() - begin < TURN_MS) this.#step(job);
      any = true;
    }
    if (!any) return Number.POSITIVE_INFINITY;
    const requests = host.requests();
    const busy = requests !== this.#requestsSeen;
    this.#requestsSeen = requests;
    return busy ? TURN_MS : 0;
  }

  #step(job: Job): void {
    try {
      const step = job.steps.next();
      if (step.done === true) {
        job.state = "done";
        job.result = step.value;
      } else job.progress = step.value;
    } catch (error) {
      job.state = "failed";
      job.message = this.host.failed(error, job.name);
    }
  }

  #cancel(job: Job): void {
    if (job.state !== "running") return;
    job.state = "cancelled";
    try {
      job.steps.return(undefined);
    } catch (error) {
      job.state = "failed";
      job.message = this.host.failed(error, job.name);
    }
  }

  *#running(): Generator<Job> {
    for (const job of this.#jobs.values()) if (job.state === "running") yield job;
  }

  #find(id: number): Job {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new ControlError("missing", `there is no job ${id}`);
    return job;
  }

  #forgetOldest(): void {
    if (this.#jobs.size < MAX_JOBS) return;
    for (const job of this.#jobs.values()) {
      if (job.state === "running") continue;
      this.#jobs.delete(job.id);
      return;
    }
  }
}

function stateOf({ id, name, state, progress, result, message }: Job): JobState {
  return {
    id,
    name,
    state,
    progress,
    ...(state === "done" ? { result } : {}),
    ...(state === "failed" ? { message } : {}),
  };
}
