/**
 * What the tests of this folder share: running e2fsprogs, private temporary folders, images and pieces of them.
 *
 * @module
 */

import { gunzipSync } from "node:zlib";

/** Whether a program is not installed. */
export function toolMissing(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["-V"], stdout: "null", stderr: "null" }).outputSync();
    return false;
  } catch {
    return true;
  }
}

/** Runs a program to its end and returns its standard output. A failing status throws, with its standard error. */
export function runTool(program: string, args: readonly string[]): Uint8Array {
  const { code, stdout, stderr } = new Deno.Command(program, {
    args: [...args],
    stdout: "piped",
    stderr: "piped",
    env: { LC_ALL: "C", MKE2FS_CONFIG: "/dev/null" },
  }).outputSync();
  if (code !== 0) {
    throw new Error(
      `${program} ${args.join(" ")}: status ${code}\n${new TextDecoder().decode(stderr)}`,
    );
  }
  return stdout;
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
