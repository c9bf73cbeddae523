/**
 * A smoke run of the compiled commands: make an image, mount it, write, unmount, ask e2fsck.
 *
 * `deno run -A tools/smoke.ts [FOLDER]` (dist)
 *
 * @module
 */

import { awaitReleased } from "../tests/harness/released.ts";
import { makeScratchRoot, mountsUnder, removeScratch } from "../tests/harness/scratch.ts";
import { projectRoot, run } from "./process.ts";

const TEXT = "written through the compiled kfs\n";

function must(command: string, ...args: readonly string[]): string {
  const done = run(command, args);
  if (done.code !== 0) {
    throw new Error(
      `${command} ${args.join(" ")}: status ${done.code}\n${done.stdout}${done.stderr}`,
    );
  }
  return done.stdout;
}

function timed<Result>(what: string, action: () => Result): Result {
  const began = performance.now();
  const result = action();
  console.log(`smoke: ${what}: ${Math.round(performance.now() - began)} ms`);
  return result;
}

function smoke(bin: string, scratch: string): void {
  const image = `${scratch}/disk.img`;
  const mountpoint = `${scratch}/mnt`;
  Deno.mkdirSync(mountpoint);
  timed("mkfs --help", () => must(`${bin}/mkfs`, "--help"));
  timed("mkfs --help, again", () => must(`${bin}/mkfs`, "--help"));
  timed("kfsd --help", () => must(`${bin}/kfsd`, "--help"));
  must(`${bin}/kfsd`, "--print-capabilities");
  timed("mkfs", () => must(`${bin}/mkfs`, "-q", image, "64M"));
  must("e2fsck", "-fn", image);
  timed("kfs", () => must(`${bin}/kfs`, image, mountpoint, "-o", `logfile=${scratch}/kfs.log`));
  if (!mountsUnder(scratch).includes(mountpoint)) throw new Error("kfs returned without a mount");
  Deno.mkdirSync(`${mountpoint}/folder`);
  Deno.writeTextFileSync(`${mountpoint}/folder/file`, TEXT);
  if (Deno.readTextFileSync(`${mountpoint}/folder/file`) !== TEXT) throw new Error("read back");
  timed("umount", () => must("fusermount3", "-u", mountpoint));
  awaitReleased(image);
  must("e2fsck", "-fn", image);
  const found = must("debugfs", "-R", "cat /folder/file", image);
  if (found !== TEXT) throw new Error(`debugfs reads ${JSON.stringify(found)}`);
  timed("kfsctl check", () => must(`${bin}/kfsctl`, "check", image));
}

const folder = Deno.args[0] ?? "dist";
const scratch = makeScratchRoot();
try {
  smoke(folder.startsWith("/") ? folder : `${projectRoot}/${folder}`, scratch);
  console.log("smoke: all is well");
} catch (error) {
  console.log(`smoke: ${error instanceof Error ? error.message : String(error)}`);
  Deno.exitCode = 1;
} finally {
  removeScratch(scratch);
}
