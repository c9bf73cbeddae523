/**
 * Mounting images: with kfs, with the kernel's ext4 through a loop device, with fuse2fs.
 *
 * KFS_UNDER_TEST=kernel or fuse2fs puts another implementation where the tests mount kfs, to try the
 * tests themselves.
 *
 * @module
 */

import { run } from "../../tools/process.ts";
import { mustCommand } from "./commands.ts";
import { awaitReleased, sleepSync } from "./released.ts";
import { mountsUnder, Scratch } from "./scratch.ts";
import type { Need } from "./skip.ts";

/** Who serves a mount. */
export type Implementation = "kfs" | "kernel" | "fuse2fs";

/** How to mount. */
export interface MountOptions {
  /** Options after `-o`, in the words of the implementation. */
  readonly options?: readonly string[];
}

/** The environment variable that replaces kfs by another implementation. */
export const UNDER_TEST_VARIABLE = "KFS_UNDER_TEST";

/** Which implementation the tests mount where they say "under test". */
export function underTest(): Implementation {
  const name = Deno.env.get(UNDER_TEST_VARIABLE) ?? "kfs";
  if (name === "kfs" || name === "kernel" || name === "fuse2fs") return name;
  throw new Error(`${UNDER_TEST_VARIABLE}=${name}: kfs, kernel or fuse2fs`);
}

/** A mounted image. Leaving the `using` block unmounts it, whatever happened. */
export class Mounted implements Disposable {
  #mounted = true;

  constructor(
    readonly implementation: Implementation,
    readonly image: string,
    readonly mountpoint: string,
  ) {}

  /** The path of `name` in the mount. */
  path(name: string): string {
    return `${this.mountpoint}/${name}`;
  }

  /** Unmounts and waits until the image is complete; throws when something keeps the mount busy. */
  unmount(): void {
    if (!this.#mounted) return;
    const gone = !mountsUnder(this.mountpoint).includes(this.mountpoint);
    const done = gone ? "" : umountPatiently(this.mountpoint);
    if (done !== "") throw new Error(`umount ${this.mountpoint}: ${done}`);
    this.#mounted = false;
    if (this.implementation === "kernel") awaitDetached(this.image);
    else awaitReleased(this.image);
  }

  [Symbol.dispose](): void {
    if (!this.#mounted) return;
    try {
      this.unmount();
    } catch {
      run("umount", ["-l", this.mountpoint]);
      this.#mounted = false;
    }
  }
}

/**
 * A process that copied the table of mounts (a sandbox that starts) keeps the file system mounted for a moment after
 * umount: its loop device goes last.
 */
function awaitDetached(image: string): void {
  for (let attempt = 0; attempt < 9; attempt++) {
    if (run("losetup", ["-n", "-O", "NAME", "-j", image]).stdout.trim() === "") return;
    sleepSync(10 << attempt);
  }
}

/** A program that has just ended may hold the mount for a moment: tries for some seconds. */
function umountPatiently(mountpoint: string): string {
  let words = "";
  for (let attempt = 0; attempt < 8; attempt++) {
    const way = Deno.uid() === 0 ? ["umount"] : ["fusermount3", "-u"];
    const done = run("timeout", ["60", ...way, mountpoint]);
    if (done.code === 0) return "";
    words = done.stderr.trim();
    sleepSync(50 << attempt);
  }
  return words;
}

function kfsLog(image: string): string {
  return `${image}.kfs.log`;
}

/** What the daemon wrote to its log, for messages of failed tests. */
export function logOf(image: string): string {
  try {
    return Deno.readTextFileSync(kfsLog(image));
  } catch {
    return "";
  }
}

const MOUNTERS: Readonly<
  Record<Implementation, (image: string, mountpoint: string, options: readonly string[]) => void>
> = {
  kfs: (image, mountpoint, options) => {
    const all = [`logfile=${kfsLog(image)}`, ...options];
    mustCommand("kfs", [image, mountpoint, "-o", all.join(",")]);
  },
  kernel: (image, mountpoint, options) => {
    const all = ["loop", ...options].join(",");
    const done = run("mount", ["-t", "ext4", "-o", all, image, mountpoint]);
    if (done.code !== 0) throw new Error(`mount -o ${all} ${image}: ${done.stderr.trim()}`);
  },
  fuse2fs: (image, mountpoint, options) => {
    const all = ["fakeroot", "allow_other", ...options].join(",");
    const done = run("fuse2fs", [image, mountpoint, "-o", all]);
    if (done.code !== 0) throw new Error(`fuse2fs ${image}: ${done.stderr.trim()}`);
  },
};

/** Mounts `image` on `mountpoint` (made when it is not there). */
export function mount(
  implementation: Implementation,
  image: string,
  mountpoint: string,
  { options = [] }: MountOptions = {},
): Mounted {
  Deno.mkdirSync(mountpoint, { recursive: true });
  MOUNTERS[implementation](image, mountpoint, options);
  if (!mountsUnder(mountpoint).includes(mountpoint)) {
    throw new Error(`${implementation} returned, but nothing is mounted on ${mountpoint}`);
  }
  return new Mounted(implementation, image, mountpoint);
}

let kernelAnswer: { readonly reason: string | undefined } | undefined;

/** Needs root, a loop device and a kernel with ext4; found out by trying. */
export const kernelExt4: Need = () => {
  kernelAnswer ??= { reason: tryKernelExt4() };
  return kernelAnswer.reason;
};

function tryKernelExt4(): string | undefined {
  if (Deno.uid() !== 0) return "loop mounts need root";
  using scratch = new Scratch("loop");
  const { folder } = scratch;
  try {
    const image = `${folder}/image`;
    const made = run("mke2fs", ["-q", "-t", "ext4", image, "4M"]);
    if (made.code !== 0) return "mke2fs is missing";
    mount("kernel", image, `${folder}/mnt`).unmount();
    return undefined;
  } catch (error) {
    return `no kernel ext4 on a loop device: ${
      error instanceof Error ? error.message : String(error)
    }`;
  }
}
