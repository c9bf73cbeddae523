/**
 * The other judges: e2fsck and the kernel, on a copy of a crash state in a file.
 *
 * @module
 */

import { run } from "../../tools/process.ts";
import { mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { CrashFault } from "./judge.ts";
import type { OverlayDevice } from "./overlay_device.ts";

/** What e2fsck may say of an image whose journal it replays; everything else is a fault. */
const HARMLESS = [
  /^e2fsck \d/,
  /: recovering journal$/,
  /^Clearing orphaned inode \d+ /,
  /^Truncating orphaned inode \d+ /,
  // e2fsck 1.47.0 frees the inodes that the orphan file names, and empties it in the end.
  /^Orphan file \(inode \d+\) block \d+ is not clean\.$/,
  /^Clear\? yes$/,
  /^Pass \d/,
  /\*+ FILE SYSTEM WAS MODIFIED \*+$/,
  /^\S+: \d+\/\d+ files /,
  /^Superblock last (mount|write) time .* is in the future/,
  /^Setting free (blocks|inodes) count to/,
  // Advice, not a fault: the kernel leaves such trees as well.
  /^Inode \d+ extent tree \(at level \d\) could be (narrower|shorter)\./,
  /^\s*$/,
];

/** What it says of a file system in which errors were met. */
const ERRORS_RECORDED = [
  /contains a file system with errors, check forced\.$/,
];

/** One file for images, and a mount point. */
export class Outside implements Disposable {
  readonly #scratch = new Scratch("crash");
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** @param withErrors the superblock may say that an error was met. */
  constructor(readonly sizeBytes: number, readonly withErrors = false) {
    this.path = this.#scratch.path("image");
    this.#file = Deno.openSync(this.path, { create: true, read: true, write: true });
    this.#file.truncateSync(sizeBytes);
    this.#bytes = new Uint8Array(sizeBytes);
  }

  /** Puts a state into the file. */
  store(state: OverlayDevice): void {
    this.#bytes.set(state.base);
    state.copyTo(this.#bytes);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    for (let done = 0; done < this.sizeBytes;) {
      done += this.#file.writeSync(this.#bytes.subarray(done));
    }
  }

  /** What the file holds: valid until the next call. */
  load(): Uint8Array {
    this.#file.seekSync(0, Deno.SeekMode.Start);
    for (let done = 0; done < this.sizeBytes;) {
      const count = this.#file.readSync(this.#bytes.subarray(done));
      if (count === null) throw new Error(`${this.path} has become short`);
      done += count;
    }
    return this.#bytes;
  }

  /** e2fsck must have nothing to say. @throws CrashFault */
  mustBeClean(when: string): void {
    const done = run("e2fsck", ["-fn", this.path], { env: { LC_ALL: "C" } });
    const faults = this.#complaints(done.stdout + done.stderr);
    if (done.code === 0 && faults.length === 0) return;
    throw new CrashFault(`e2fsck -fn ${when}: status ${done.code}\n${done.stdout}${done.stderr}`);
  }

  /** e2fsck recovers the file; it must find nothing else to do. @throws CrashFault */
  recoverByE2fsck(): void {
    const done = run("e2fsck", ["-fy", this.path], { env: { LC_ALL: "C" } });
    const faults = this.#complaints(done.stdout + done.stderr);
    if (done.code <= 1 && faults.length === 0) return;
    throw new CrashFault(
      `e2fsck -fy recovers, and repairs: status ${done.code}\n${done.stdout}${done.stderr}`,
    );
  }

  /** e2fsck replays the journal of the file, and does nothing else. @throws CrashFault */
  replayByE2fsck(): void {
    const done = run("e2fsck", ["-y", "-E", "journal_only", this.path], { env: { LC_ALL: "C" } });
    if (done.code <= 1) return;
    throw new CrashFault(
      `e2fsck -E journal_only: status ${done.code}\n${done.stdout}${done.stderr}`,
    );
  }

  /** The kernel recovers the file, calls `look` with the mounted tree's path, and unmounts. */
  recoverByKernel(look: (path: string) => void): void {
    const mounted = mount("kernel", this.path, this.#scratch.path("mnt"), {
      options: ["noatime", "noinit_itable"],
    });
    try {
      look(mounted.mountpoint);
    } finally {
      mounted.unmount();
    }
  }

  #complaints(output: string): string[] {
    const harmless = this.withErrors ? [...HARMLESS, ...ERRORS_RECORDED] : HARMLESS;
    return output.split("\n").filter((line) => !harmless.some((pattern) => pattern.test(line)));
  }

  [Symbol.dispose](): void {
    this.#file.close();
    this.#scratch[Symbol.dispose]();
  }
}
