/**
 * What is measured: an image (or a folder) behind one implementation.
 *
 * @module
 */

import { findProgram } from "../../tools/process.ts";
import { run } from "../../tools/process.ts";
import { command, must } from "../harness/commands.ts";
import { kernelExt4, mount, type Mounted } from "../harness/mount.ts";
import { holderOf, sleepSync } from "../harness/released.ts";
import { mountsUnder } from "../harness/scratch.ts";
import { fuse } from "../harness/skip.ts";
import type { BenchOptions } from "./options.ts";

/** Columns of the table. "no journal" is kfs on an image without one. */
export type TargetName = "kfs" | "no journal" | "fuse2fs" | "kernel" | "passthrough_ll";

/** One implementation at work. */
export interface Target extends Disposable {
  readonly name: TargetName;
  /** The folder to work in. */
  readonly root: string;
  /** Unmounts and mounts again: nothing is cached any more. */
  remount(): void;
  /** Resident memory of the server in MiB, or undefined when there is no server. */
  residentMiB(): number | undefined;
}

/** Resident memory of a process in MiB. */
function residentOf(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? "0") / 1024;
}

/** kfs, fuse2fs or the kernel on an image. */
class ImageTarget implements Target {
  #mounted: Mounted;

  constructor(
    readonly name: Exclude<TargetName, "passthrough_ll">,
    readonly image: string,
    readonly root: string,
  ) {
    this.#mounted = this.#mount();
  }

  #mount(): Mounted {
    return mount(this.name === "no journal" ? "kfs" : this.name, this.image, this.root);
  }

  remount(): void {
    this.#mounted.unmount();
    this.#mounted = this.#mount();
  }

  residentMiB(): number | undefined {
    return this.name === "kernel" ? undefined : residentOf(holderOf(this.image));
  }

  [Symbol.dispose](): void {
    this.#mounted[Symbol.dispose]();
  }
}

/** libfuse's example on a folder: what a C program pays for FUSE alone. */
export class PassthroughTarget implements Target {
  readonly name = "passthrough_ll";
  #child: Deno.ChildProcess;

  constructor(readonly program: string, readonly source: string, readonly root: string) {
    Deno.mkdirSync(source, { recursive: true });
    Deno.mkdirSync(root, { recursive: true });
    this.#child = this.#start();
  }

  #start(): Deno.ChildProcess {
    const limit = `--nofile=${descriptorLimit()}`;
    const child = new Deno.Command("prlimit", {
      args: [limit, this.program, "-f", "-o", `source=${this.source}`, this.root],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let tries = 0; tries < 200 && !mountsUnder(this.root).includes(this.root); tries++) {
      sleepSync(10);
    }
    return child;
  }

  remount(): void {
    must("umount", [this.root]);
    this.#child = this.#start();
  }

  residentMiB(): number | undefined {
    return residentOf(this.#child.pid);
  }

  [Symbol.dispose](): void {
    run("umount", [this.root]);
  }
}

/** The hard limit: passthrough_ll keeps a descriptor for each file that the kernel knows of. */
function descriptorLimit(): string {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  return /Max open files\s+\d+\s+(\d+)/.exec(limits)?.[1] ?? "1024";
}

/** Why a target cannot run here, or undefined. */
export function unavailable(name: TargetName, options: BenchOptions): string | undefined {
  if (!options.targets.includes(name)) return "not asked for";
  if (name === "kernel") return kernelExt4();
  if (name === "kfs" || name === "no journal") return command("kfs")() ?? fuse();
  if (name === "fuse2fs") return findProgram(name) === undefined ? "not installed" : fuse();
  if (options.passthrough === undefined) return "no path given (--passthrough)";
  return findProgram("prlimit") === undefined ? "prlimit is not installed" : fuse();
}

/** How the images of all targets are made: by mke2fs, so that all have the same. */
export function makeBenchImage(image: string, size: string): void {
  must("mke2fs", ["-q", "-F", "-t", "ext4", image, size]);
}

/** Starts a target; images are copies of `base`. */
export function startTarget(
  name: TargetName,
  folder: string,
  base: string,
  options: BenchOptions,
): Target {
  const root = `${folder}/${name.replace(" ", "-")}.mnt`;
  if (name === "passthrough_ll") {
    return new PassthroughTarget(options.passthrough ?? "", `${folder}/${name}.source`, root);
  }
  const image = `${folder}/${name}.img`;
  must("cp", ["--sparse=always", base, image]);
  if (name === "no journal") must("tune2fs", ["-O", "^has_journal", image]);
  return new ImageTarget(name, image, root);
}
