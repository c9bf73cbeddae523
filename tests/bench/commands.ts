/**
 * Commands: making images, filling them, mounting.
 *
 * @module
 */

import { must, mustCommand } from "../harness/commands.ts";
import { mount } from "../harness/mount.ts";
import { milliseconds, type Results } from "./measure.ts";
import { makeBenchImage, type TargetName } from "./target.ts";
import { unpackTree } from "./tree_copy.ts";

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function timeMkfs(row: string, folder: string, args: readonly string[], results: Results): void {
  const image = `${folder}/mkfs.img`;
  const [size = "", ...options] = args;
  remove(image);
  const ours = milliseconds(() => mustCommand("mkfs", ["-q", ...options, image, size]));
  results.record(row, "ms", "kfs", ours);
  remove(image);
  const theirs = milliseconds(() => must("mke2fs", ["-q", "-t", "ext4", ...options, image, size]));
  results.record(row, "ms", "mke2fs", theirs);
  remove(image);
}

/** mkfs beside mke2fs. */
export function runMkfs(folder: string, results: Results): void {
  for (const size of ["1G", "1T"]) {
    const row = `mkfs ${size}`;
    if (results.wants(row)) timeMkfs(row, folder, [size], results);
  }
  if (!results.wants("mkfs -d")) return;
  const source = `${folder}/populate`;
  try {
    Deno.statSync(source);
  } catch {
    unpackTree(source);
  }
  timeMkfs("mkfs -d of a real tree", folder, ["1G", "-d", source], results);
  timeLargeTree(folder, results);
}

const LARGE_TREE_FILES = 20_000;
const FILES_A_FOLDER = 100;
const LARGEST_FILE_BYTES = 9000;

/** A tree of many small files, and an archive of it. */
function makeLargeTree(folder: string): { readonly tree: string; readonly archive: string } {
  const tree = `${folder}/large`;
  const archive = `${folder}/large.tar`;
  if (exists(archive)) return { tree, archive };
  const content = new Uint8Array(LARGEST_FILE_BYTES).fill(0x61);
  for (let file = 0; file < LARGE_TREE_FILES; file++) {
    const parent = `${tree}/${Math.floor(file / FILES_A_FOLDER)}`;
    if (file % FILES_A_FOLDER === 0) Deno.mkdirSync(parent, { recursive: true });
    const length = 100 + (file * 613) % (LARGEST_FILE_BYTES - 100);
    Deno.writeFileSync(`${parent}/file${file}`, content.subarray(0, length));
  }
  must("tar", ["-cf", archive, "-C", tree, "."]);
  return { tree, archive };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Populating from many files, and from an archive beside unpacking it and using -d. */
function timeLargeTree(folder: string, results: Results): void {
  const { tree, archive } = makeLargeTree(folder);
  timeMkfs(`mkfs -d of ${LARGE_TREE_FILES} files`, folder, ["1G", "-d", tree], results);
  const row = `mkfs --from tar of ${LARGE_TREE_FILES} files`;
  const image = `${folder}/mkfs.img`;
  const ours = milliseconds(() => mustCommand("mkfs", ["-q", "--from", archive, image, "1G"]));
  results.record(row, "ms", "kfs", ours);
  remove(image);
  const unpacked = `${folder}/unpacked`;
  const theirs = milliseconds(() => {
    Deno.mkdirSync(unpacked);
    must("tar", ["-xf", archive, "-C", unpacked]);
    must("mke2fs", ["-q", "-t", "ext4", "-d", unpacked, image, "1G"]);
  });
  results.record(row, "ms", "mke2fs", theirs);
  remove(image);
  Deno.removeSync(unpacked, { recursive: true });
}

/** From the command to its return, which is when the mount answers. */
export function runMount(
  folder: string,
  names: readonly TargetName[],
  results: Results,
): void {
  for (const size of ["1G", "1T"]) {
    const row = `mount ${size}`;
    if (!results.wants(row)) continue;
    const image = `${folder}/mount.img`;
    remove(image);
    makeBenchImage(image, size);
    for (const name of names) {
      if (name === "passthrough_ll" || name === "no journal") continue;
      const mountpoint = `${folder}/mount.mnt`;
      const began = performance.now();
      using mounted = mount(name, image, mountpoint);
      Deno.statSync(mountpoint);
      results.record(row, "ms", name, performance.now() - began);
      mounted.unmount();
    }
    remove(image);
  }
}
