/**
 * What the tests of this folder share: running e2fsprogs, private temporary folders, images and pieces of them.
 *
 * @module
 */

import { recordSkip } from "../../tests/harness/skip.ts";
import { gunzipSync } from "node:zlib";

/** Where programs are looked for: users' PATH often lacks the folders of e2fsprogs. */
const SEARCH_PATH = `${Deno.env.get("PATH") ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Whether a program is not installed. */
export function toolMissing(program: string): boolean {
  try {
    const env = { PATH: SEARCH_PATH };
    new Deno.Command(program, { args: ["-V"], stdout: "null", stderr: "null", env }).outputSync();
    return false;
  } catch {
    recordSkip("*", `not installed: ${program}`);
    return true;
  }
}

/** Runs a program to its end and returns its standard output. A status that is not a good one throws, with its output. */
export function runTool(
  program: string,
  args: readonly string[],
  goodStatuses: readonly number[] = [0],
): Uint8Array {
  const { code, stdout, stderr } = new Deno.Command(program, {
    args: [...args],
    stdout: "piped",
    stderr: "piped",
    env: { LC_ALL: "C", PATH: SEARCH_PATH },
  }).outputSync();
  if (!goodStatuses.includes(code)) {
    const text = new TextDecoder();
    throw new Error(
      `${program} ${args.join(" ")}: status ${code}\n${text.decode(stdout)}${text.decode(stderr)}`,
    );
  }
  return stdout;
}

/** Makes an image of `size` bytes with mke2fs, as a file and in memory. */
export function makeImage(path: string, size: number, args: readonly string[]): Uint8Array {
  const file = Deno.openSync(path, { create: true, write: true, truncate: true });
  file.truncateSync(size);
  file.close();
  runTool("mke2fs", ["-q", "-F", ...args, path]);
  return Deno.readFileSync(path);
}

/** Runs `body` with a new folder that is removed afterwards. */
export function withTempDir(body: (dir: string) => void): void {
  const dir = Deno.makeTempDirSync({ prefix: "kfs_layout_" });
  try {
    body(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** A golden image of fixtures/<name>/image.gz, unpacked. */
export function fixtureImage(name: string): Uint8Array {
  const path = new URL(`../../fixtures/${name}/image.gz`, import.meta.url);
  return new Uint8Array(gunzipSync(Deno.readFileSync(path)));
}

/** A `DataView` of exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Runs `check` for each byte of `bytes[start..end)` changed by `mask`, and puts the byte back. */
export function withFlippedBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  check: (at: number) => void,
  mask = 0x10,
): void {
  for (let at = start; at < end; at++) {
    const original = bytes[at] ?? 0;
    bytes[at] = original ^ mask;
    check(at);
    bytes[at] = original;
  }
}
