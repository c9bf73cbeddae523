/**
 * The Debian packages that kfs and its tests use, and how to see whether each is there.
 *
 * @module
 */

import { findProgram } from "./process.ts";

/** A Debian package and the sign of its presence. */
export interface DebianPackage {
  readonly name: string;
  /** Other names to try when `name` has no candidate (libraries are renamed between releases). */
  readonly alternatives?: readonly string[];
  /** `run`: needed to mount at all; `test`: used by the tests and the bench. */
  readonly need: "run" | "test";
  readonly present: () => boolean;
}

function program(name: string): () => boolean {
  return () => findProgram(name) !== undefined;
}

const LIBRARY_FOLDERS = [
  "/lib",
  "/usr/lib",
  "/lib64",
  "/usr/lib64",
  "/usr/local/lib",
  `/usr/lib/${Deno.build.arch}-linux-gnu`,
  `/lib/${Deno.build.arch}-linux-gnu`,
];

/** True when some version of libfuse3 that kfs can load is installed. */
function libfuse3Present(): boolean {
  return LIBRARY_FOLDERS.some((folder) =>
    ["libfuse3.so.3", "libfuse3.so.4"].some((name) => {
      try {
        Deno.statSync(`${folder}/${name}`);
        return true;
      } catch {
        return false;
      }
    })
  );
}

/** Everything that {@link missingPackages} looks for. */
export const PACKAGES: readonly DebianPackage[] = [
  { name: "fuse3", need: "run", present: program("fusermount3") },
  {
    name: "libfuse3-3",
    alternatives: ["libfuse3-4"],
    need: "run",
    present: libfuse3Present,
  },
  { name: "e2fsprogs", need: "test", present: program("mke2fs") },
  { name: "mount", need: "test", present: program("losetup") },
  { name: "fuse2fs", need: "test", present: program("fuse2fs") },
  { name: "fio", need: "test", present: program("fio") },
  { name: "man-db", need: "test", present: program("man") },
  { name: "mandoc", need: "test", present: program("mandoc") },
  { name: "zsh", need: "test", present: program("zsh") },
  { name: "fish", need: "test", present: program("fish") },
  { name: "stress-ng", need: "test", present: program("stress-ng") },
  { name: "sqlite3", need: "test", present: program("sqlite3") },
  { name: "rsync", need: "test", present: program("rsync") },
  { name: "attr", need: "test", present: program("getfattr") },
  { name: "acl", need: "test", present: program("getfacl") },
  { name: "git", need: "test", present: program("git") },
  { name: "python3-minimal", need: "test", present: program("python3") },
  { name: "qemu-system-x86", need: "test", present: program("qemu-system-x86_64") },
  { name: "busybox-static", need: "test", present: program("busybox") },
  { name: "util-linux", need: "test", present: program("flock") },
  { name: "gdisk", need: "test", present: program("sgdisk") },
  { name: "fdisk", need: "test", present: program("sfdisk") },
  { name: "zstd", need: "test", present: program("zstd") },
];

/** The packages of this need (tests need what running needs, too) that are not installed. */
export function missingPackages(need: "run" | "test"): readonly DebianPackage[] {
  return PACKAGES.filter((entry) => (need === "test" || entry.need === "run") && !entry.present());
}
