/**
 * Small files and folders.
 *
 * @module
 */

import * as libc from "../harness/libc.ts";
import { microsecondsEach, type Results } from "./measure.ts";
import { expectGood, type Scenario } from "./scenario.ts";
import type { Target } from "./target.ts";

const CREATE = libc.O_CREAT | libc.O_EXCL | libc.O_WRONLY;
const KIBIBYTE = new Uint8Array(1024).fill(0x61);
const into = new Uint8Array(1024);

function createFile(path: string): void {
  const descriptor = expectGood("create", libc.open(path, CREATE, 0o644));
  expectGood("write", libc.pwrite(descriptor, KIBIBYTE, 0));
  libc.close(descriptor);
}

function readFile(path: string): void {
  const descriptor = expectGood("open", libc.open(path, libc.O_RDONLY));
  expectGood("read", libc.pread(descriptor, into, 0));
  libc.close(descriptor);
}

function statFile(path: string): void {
  expectGood("stat", libc.plainStat(path));
}

/** The paths of one scenario, and how each row's time is taken. */
function pathsIn(folder: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${folder}/file-${index}`);
}

function timeEach(
  target: Target,
  results: Results,
  row: string,
  paths: readonly string[],
  action: (path: string) => void,
): void {
  const each = microsecondsEach(paths.length, (index) => action(paths[index] ?? ""));
  results.record(row, "µs each", target.name, each);
}

function unlinkFile(path: string): void {
  expectGood("unlink", libc.unlink(path));
}

/** Create, stat, read, rename and unlink of 1-KiB files in one folder. */
const smallFiles: Scenario = {
  rows: ["create 1 KiB files", "stat", "read 1 KiB files", "rename", "unlink"],
  run(target, results, { quick }) {
    const folder = `${target.root}/files`;
    expectGood("mkdir", libc.mkdir(folder));
    const paths = pathsIn(folder, quick ? 1000 : 5000);
    const time = (row: string, action: (path: string) => void, on = paths) => {
      timeEach(target, results, row, on, action);
    };
    time("create 1 KiB files", createFile);
    time("stat", statFile);
    time("read 1 KiB files", readFile);
    time("rename", (path) => {
      expectGood("rename", libc.rename(path, `${path}-renamed`));
    });
    time("unlink", unlinkFile, paths.map((path) => `${path}-renamed`));
    expectGood("rmdir", libc.rmdir(folder));
  },
};

/** The same files when nothing of them is cached, and the server has just begun. */
const coldFiles: Scenario = {
  rows: ["stat after a remount", "read after a remount"],
  run(target, results, { quick }) {
    const folder = `${target.root}/cold`;
    expectGood("mkdir", libc.mkdir(folder));
    const paths = pathsIn(folder, quick ? 1000 : 5000);
    paths.forEach(createFile);
    target.remount();
    timeEach(target, results, "stat after a remount", paths, statFile);
    target.remount();
    timeEach(target, results, "read after a remount", paths, readFile);
    paths.forEach(unlinkFile);
    expectGood("rmdir", libc.rmdir(folder));
  },
};

/** mkdir and rmdir in one folder. */
const folders: Scenario = {
  rows: ["mkdir", "rmdir"],
  run(target, results, { quick }) {
    const count = quick ? 500 : 2000;
    const top = `${target.root}/folders`;
    expectGood("mkdir", libc.mkdir(top));
    const make = microsecondsEach(count, (index) => {
      expectGood("mkdir", libc.mkdir(`${top}/folder-${index}`));
    });
    results.record("mkdir", "µs each", target.name, make);
    const remove = microsecondsEach(count, (index) => {
      expectGood("rmdir", libc.rmdir(`${top}/folder-${index}`));
    });
    results.record("rmdir", "µs each", target.name, remove);
    expectGood("rmdir", libc.rmdir(top));
  },
};

/** Where the base image has its folder of many files. */
export const MANY_FOLDER = "many";

/** How many files it has. */
export function manyCount(quick: boolean): number {
  return quick ? 20_000 : 100_000;
}

/** Listing a large folder, first from the image, then again. */
const listing: Scenario = {
  rows: ["readdir of 100,000 entries", "readdir again"],
  run(target, results, { quick }) {
    target.remount();
    const list = () => {
      const names = libc.readdir(`${target.root}/${MANY_FOLDER}`);
      if (typeof names === "number") throw new Error(`readdir: errno ${-names}`);
      if (names.length !== manyCount(quick)) throw new Error(`readdir: ${names.length} names`);
    };
    for (const row of ["readdir of 100,000 entries", "readdir again"]) {
      results.record(row, "µs each", target.name, microsecondsEach(1, list) / manyCount(quick));
    }
  },
};

/** All scenarios of this kind. */
export const METADATA_SCENARIOS: readonly Scenario[] = [smallFiles, folders, listing, coldFiles];

/** Fills a folder with empty files; used to prepare the base image, and to grow a folder. */
export function createEmpty(folder: string, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    libc.close(expectGood("create", libc.open(`${folder}/entry-${index}`, CREATE, 0o644)));
  }
}
