/**
 * Mounts and identity: umount2, the effective user, what is mounted where.
 *
 * @module
 */

import { checked, libc } from "./library.ts";
import { cString } from "./path.ts";

/** The effective user id of the process. */
export function effectiveUid(): number {
  return libc().geteuid();
}

/** umount2(2). `flags`: MNT_DETACH, UMOUNT_NOFOLLOW. */
export function unmount(path: string, flags: number): void {
  checked(libc().umount2(cString(path), flags), "umount", path);
}

/** A line of /proc/self/mountinfo. */
export interface MountInfo {
  /** `major:minor` of the file system's device. */
  readonly device: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** The mounts that this process sees, in the order in which they were made. */
export function listMounts(): MountInfo[] {
  const mounts: MountInfo[] = [];
  for (const line of Deno.readTextFileSync("/proc/self/mountinfo").split("\n")) {
    const mount = parseMount(line);
    if (mount !== undefined) mounts.push(mount);
  }
  return mounts;
}

/** The mount that is on top at `path` (an absolute path without links); undefined when nothing is mounted there. */
export function mountAt(path: string): MountInfo | undefined {
  return listMounts().findLast((mount) => mount.mountPoint === path);
}

/** Parses a line (proc_pid_mountinfo(5)); undefined for one that is none. */
export function parseMount(line: string): MountInfo | undefined {
  const fields = line.split(" ");
  const dash = fields.indexOf("-", 6);
  if (dash < 0) return undefined;
  return {
    device: fields[2] ?? "",
    mountPoint: unescapeOctal(fields[4] ?? ""),
    options: (fields[5] ?? "").split(","),
    type: fields[dash + 1] ?? "",
    source: unescapeOctal(fields[dash + 2] ?? ""),
    superOptions: (fields[dash + 3] ?? "").split(","),
  };
}

/** The kernel writes space, tab, newline and backslash as `\` and three octal digits. */
function unescapeOctal(field: string): string {
  return field.replace(
    /\\([0-7]{3})/g,
    (_, digits: string) => String.fromCharCode(parseInt(digits, 8)),
  );
}
