/**
 * Which test files there are, in the order in which they run, and with which permissions.
 *
 * @module
 */

import { sourceFiles } from "./source_files.ts";

/** Test files that run in one process. */
export interface TestGroup {
  readonly name: string;
  readonly files: readonly string[];
  readonly permissions: readonly string[];
}

/** The engine's tests call no C: read fixtures, write scratch files, run e2fsprogs, no more. */
const ENGINE_PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys",
];

/** The engine's tests that mount through a loop device, which takes all permissions. */
const KERNEL_TEST = /^fs\/.*\/kernel_test\.ts$/;

/** From the quick and inner to the slow and outer. */
const UNIT_FOLDERS = ["fs", "tar", "build", "ffi", "lib", "vhost", "cmd", "tools"];
const OUTER_FOLDERS = ["tests/harness", "tests/unit", "tests"];

function groupOfFolder(folder: string, files: readonly string[]): TestGroup {
  const permissions = folder === "fs" ? ENGINE_PERMISSIONS : ["-A"];
  return { name: folder, files, permissions };
}

/** The groups, of the files whose path contains one of `filters` (all when there is none). */
export function testGroups(filters: readonly string[]): readonly TestGroup[] {
  const wanted = sourceFiles().filter((path) =>
    path.endsWith("_test.ts") &&
    (filters.length === 0 || filters.some((filter) => path.includes(filter)))
  );
  const left = new Set(wanted);
  const take = (prefix: string): readonly string[] => {
    const taken = [...left].filter((path) => path.startsWith(prefix));
    for (const path of taken) left.delete(path);
    return taken;
  };
  const kernelTests = wanted.filter((path) => KERNEL_TEST.test(path));
  for (const path of kernelTests) left.delete(path);
  const groups = UNIT_FOLDERS.map((folder) => groupOfFolder(folder, take(`${folder}/`)));
  groups.push({ name: "fs, with the kernel", files: kernelTests, permissions: ["-A"] });
  for (const folder of OUTER_FOLDERS) {
    for (const file of take(`${folder}/`)) {
      groups.push({ name: file, files: [file], permissions: ["-A"] });
    }
  }
  const rest = [...left];
  if (rest.length > 0) groups.push({ name: "the rest", files: rest, permissions: ["-A"] });
  return groups.filter((group) => group.files.length > 0);
}
