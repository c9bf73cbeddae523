/**
 * The file system in memory, mounted for real and served by a Worker.
 *
 * @module
 */

import { makeEvent, signalEvent } from "../../libc/event.ts";
import { close } from "../../libc/file.ts";
import { mountAt } from "../../libc/mount.ts";
import { type FuseMount, mountFuse, unmountFuse } from "../../libfuse3/mount.ts";
import type { MountOptions } from "../../libfuse3/options.ts";
import type { ServeReport, ServeRequest } from "./memory_worker.ts";

/** What can be chosen of a test mount. */
export type TestMountOptions =
  & Partial<Omit<ServeRequest, "descriptor" | "stopEvent">>
  & Partial<MountOptions>;

/** Why nothing can be mounted here; undefined when it can. */
export function whyNoMount(): string | undefined {
  try {
    Deno.statSync("/dev/fuse");
  } catch {
    return "no /dev/fuse here";
  }
  return Deno.uid() === 0 ? undefined : "not root here";
}

/** A mount on a folder of its own. */
export class MemoryMount {
  readonly folder: string;
  readonly #mount: FuseMount;
  readonly #worker: Worker;
  readonly #stopEvent: number;
  readonly #report: Promise<ServeReport>;
  readonly #ready: Promise<void>;

  constructor(options: TestMountOptions = {}) {
    this.folder = Deno.makeTempDirSync({ prefix: "ffi-mount-" });
    this.#mount = mountFuse({
      source: "memory",
      subtype: "toy",
      allowOther: true,
      ...options,
      mountPoint: this.folder,
    });
    this.#stopEvent = makeEvent();
    this.#worker = new Worker(new URL("./memory_worker.ts", import.meta.url), { type: "module" });
    const ready = Promise.withResolvers<void>();
    const report = Promise.withResolvers<ServeReport>();
    this.#worker.addEventListener("message", (event: MessageEvent<"ready" | ServeReport>) => {
      if (event.data === "ready") ready.resolve();
      else report.resolve(event.data);
    });
    this.#ready = ready.promise;
    this.#report = report.promise;
    const request: ServeRequest = {
      descriptor: this.#mount.descriptor,
      stopEvent: this.#stopEvent,
      deferSyncs: options.deferSyncs ?? false,
      trace: options.trace ?? false,
      writeback: options.writeback ?? false,
      notices: options.notices ?? false,
      spinLimit: options.spinLimit,
    };
    this.#worker.postMessage(request);
  }

  /** Resolves when it can be used. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** Runs a program in the folder; rejects when it fails. Answers what it printed. */
  async run(program: string, ...args: string[]): Promise<string> {
    const command = new Deno.Command(program, { args, cwd: this.folder });
    const { success, stdout, stderr } = await command.output();
    const output = new TextDecoder().decode(stdout);
    if (success) return output;
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}${output}`);
  }

  /** Runs a shell script in the folder. */
  shell(script: string): Promise<string> {
    return this.run("sh", "-ec", script);
  }

  /** Unmounts in good order and answers what the server saw. */
  async unmount(): Promise<ServeReport> {
    unmountFuse(this.folder);
    return await this.#finish();
  }

  /** Asks the loop to stop while mounted. */
  async stop(): Promise<ServeReport> {
    signalEvent(this.#stopEvent);
    return await this.#finish();
  }

  /** Resolves when the server has ended by itself. */
  async ended(): Promise<ServeReport> {
    return await this.#finish();
  }

  async #finish(): Promise<ServeReport> {
    const report = await this.#report;
    this.#mount.close();
    close(this.#stopEvent);
    if (mountAt(this.folder) === undefined) Deno.removeSync(this.folder);
    return report;
  }
}
