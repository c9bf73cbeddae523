/** Opening below a directory that no path leads out of (openat2). @module */

import { O_CLOEXEC } from "./constants.ts";
import { checked, libc } from "./library.ts";
import { cString, type Path, pathText } from "./path.ts";

const SYS_OPENAT2 = 437n;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_IN_ROOT = 0x10n;
const HOW_BYTES = 24n;

/**
 * Opens `path` as if `directory` were the root of the system: neither `..` nor a symbolic link leads out.
 * @param flags O_*.
 */
export function openInside(directory: number, path: Path, flags: number): number {
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const how = new Uint8Array(new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, resolve]).buffer);
  const result = libc().syscall_openat2(SYS_OPENAT2, directory, cString(path), how, HOW_BYTES);
  return checked(result, "open", pathText(path));
}
