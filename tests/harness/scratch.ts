/**
 * Private folders for tests, and the certain end of everything that is mounted or attached in them.
 *
 * The runner makes one folder for a whole run and clears it even when a test was killed; a test file
 * that runs alone makes its own. Both have a process that clears it when they end in no order.
 *
 * @module
 */

import { run } from "../../tools/process.ts";
import { clearAfterEnd } from "./watch.ts";

/** The environment variable that names the run's folder. */
export const SCRATCH_VARIABLE = "KFS_SCRATCH";

/** Set to keep what a test made (images, logs) for a look. */
export const KEEP_VARIABLE = "KFS_KEEP";

const WANTED_FREE_BYTES = 3 * 1024 ** 3;

function freeBytes(folder: string): number {
  const done = run("df", ["-B1", "--output=avail", folder]);
  return done.code === 0 ? Number(done.stdout.trim().split("\n").at(-1)) : 0;
}

/** The folder on tmpfs when there is one with room for images, else the usual temporary folder. */
export function roomyFolder(): string {
  const fallback = Deno.env.get("TMPDIR") ?? "/tmp";
  return freeBytes("/dev/shm") >= WANTED_FREE_BYTES ? "/dev/shm" : fallback;
}

/** Makes the folder of one run; it is gone, with all mounts in it, when this process has ended. */
export function makeScratchRoot(parent: string = roomyFolder()): string {
  const folder = Deno.makeTempDirSync({ dir: parent, prefix: "kfs-test-" });
  // A test that works as another user has to get to its own folder below.
  Deno.chmodSync(folder, 0o711);
  clearAfterEnd(folder, Deno.env.get(KEEP_VARIABLE) !== undefined);
  return folder;
}

let ownRoot: string | undefined;

/** The folder of the run, or of this process when it runs alone. */
function scratchRoot(): string {
  const ofRun = Deno.env.get(SCRATCH_VARIABLE) ?? "";
  return ofRun === "" ? ownRoot ??= makeScratchRoot() : ofRun;
}

/** Undoes the octal escapes of /proc/self/mountinfo. */
function unescapeMount(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => {
    return String.fromCharCode(Number.parseInt(octal, 8));
  });
}

/** Mount points at or below `folder`, innermost first. */
export function mountsUnder(folder: string): readonly string[] {
  const points: string[] = [];
  for (const line of Deno.readTextFileSync("/proc/self/mountinfo").split("\n")) {
    const point = unescapeMount(line.split(" ")[4] ?? "");
    if (point === folder || point.startsWith(`${folder}/`)) points.push(point);
  }
  return points.reverse();
}

function loopsUnder(folder: string): readonly string[] {
  const done = run("losetup", ["-n", "-O", "NAME,BACK-FILE"]);
  return done.stdout.split("\n").flatMap((line) => {
    const [name = "", file = ""] = line.trim().split(/\s+/);
    return file.startsWith(`${folder}/`) ? [name] : [];
  });
}

/** Processes whose environment says that they work for this folder: what outlived its test. */
function processesOf(folder: string): readonly number[] {
  const found: number[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    try {
      const environment = Deno.readTextFileSync(`/proc/${pid}/environ`);
      const isOf = (end: string): boolean =>
        environment.includes(`${SCRATCH_VARIABLE}=${folder}${end}`);
      if (isOf("\0") || isOf("/")) found.push(pid);
    } catch {
      continue;
    }
  }
  return found;
}

/** Ends what outlived a run in `folder`; a daemon that hangs would keep its mount for ever. */
export function endProcessesOf(folder: string): void {
  for (const pid of processesOf(folder)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      continue;
    }
  }
}

function unmount(point: string): boolean {
  const ways = [["umount", point], ["fusermount3", "-u", point], ["umount", "-l", point], [
    "fusermount3",
    "-uz",
    point,
  ]];
  return ways.some((way) => run("timeout", ["20", ...way]).code === 0);
}

/** Unmounts everything below `folder`, detaches its loop devices; returns what had been left over. */
export function releaseUnder(folder: string): readonly string[] {
  const mounts = mountsUnder(folder);
  for (const point of mounts) unmount(point);
  const loops = loopsUnder(folder);
  for (const loop of loops) run("losetup", ["-d", loop]);
  return [...mounts, ...loops];
}

/** Releases and removes `folder`, unless it is to be kept. */
export function removeScratch(folder: string): void {
  releaseUnder(folder);
  if (Deno.env.get(KEEP_VARIABLE) !== undefined) {
    console.log(`kept: ${folder}`);
    return;
  }
  if (mountsUnder(folder).length > 0) return;
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A folder of one test, gone (with all mounts in it) when the `using` block ends. */
export class Scratch implements Disposable {
  readonly folder: string;

  constructor(name = "test") {
    this.folder = Deno.makeTempDirSync({ dir: scratchRoot(), prefix: `kfs-${name}-` });
  }

  /** The path of `name` in the folder. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** Makes the folder `name` and returns its path. */
  makeFolder(name: string): string {
    const path = this.path(name);
    Deno.mkdirSync(path, { recursive: true });
    return path;
  }

  [Symbol.dispose](): void {
    removeScratch(this.folder);
  }
}
