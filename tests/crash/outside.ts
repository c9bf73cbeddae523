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
  // Said before the look at the block, which tells that nobody is there.
  /^MMP interval is \d+ seconds and total wait time is/,
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
  #journal: Deno.FsFile | undefined;
  /** What e2fsck has to be told besides. */
  #extra: readonly string[] = [];

  /**
   * @param withErrors the superblock may say that an error was met.
   * @param journalBytes of so many at the end of a state a file of their own is made: the journal's device.
   */
  constructor(
    readonly sizeBytes: number,
    readonly withErrors = false,
    readonly journalBytes = 0,
  ) {
    this.path = this.#scratch.path("image");
    const options = { create: true, read: true, write: true };
    this.#file = Deno.openSync(this.path, options);
    this.#bytes = new Uint8Array(sizeBytes);
    if (journalBytes === 0) return;
    this.#journal = Deno.openSync(this.#scratch.path("journal"), options);
    this.#extra = ["-j", this.#scratch.path("journal")];
  }

  /** Puts a state into the file. */
  store(state: OverlayDevice): void {
    this.#bytes.set(state.base);
    state.copyTo(this.#bytes);
    for (const [file, bytes] of this.#parts()) {
      file.seekSync(0, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    }
  }

  /** The files, each with its part of the bytes. */
  #parts(): (readonly [Deno.FsFile, Uint8Array])[] {
    const size = this.sizeBytes - this.journalBytes;
    const image = [this.#file, this.#bytes.subarray(0, size)] as const;
    return this.#journal === undefined
      ? [image]
      : [image, [this.#journal, this.#bytes.subarray(size)]];
  }

  /** What the file holds: valid until the next call. */
  load(): Uint8Array {
    for (const [file, bytes] of this.#parts()) {
      file.seekSync(0, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) {
        const count = file.readSync(bytes.subarray(done));
        if (count === null) throw new Error(`${this.path} has become short`);
        done += count;
      }
    }
    return this.#bytes;
  }

  /** e2fsck must have nothing to say. @throws CrashFault */
  mustBeClean(when: string): void {
    const done = run("e2fsck", ["-fn", ...this.#extra, this.path], { env: { LC_ALL: "C" } });
    const faults = this.#complaints(done.stdout + done.stderr);
    if (done.code === 0 && faults.length === 0) return;
    throw new CrashFault(`e2fsck -fn ${when}: status ${done.code}\n${done.stdout}${done.stderr}`);
  }

  /** e2fsck recovers the file; it must find nothing else to do. @throws CrashFault */
  recoverByE2fsck(): void {
    const done = run("e2fsck", ["-fy", ...this.#extra, this.path], { env: { LC_ALL: "C" } });
    const faults = this.#complaints(done.stdout + done.stderr);
    if (done.code <= 1 && faults.length === 0) return;
    throw new CrashFault(
      `e2fsck -fy recovers, and repairs: status ${done.code}\n${done.stdout}${done.stderr}`,
    );
  }

  /** e2fsck replays the journal of the file, and does nothing else. @throws CrashFault */
  replayByE2fsck(): void {
    const how = ["-y", ...this.#extra, "-E", "journal_only"];
    const done = run("e2fsck", [...how, this.path], { env: { LC_ALL: "C" } });
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
    this.#journal?.close();
    this.#scratch[Symbol.dispose]();
  }
}
