/**
 * Shutting the serving thread in: its root becomes the shared directory. Only this thread is moved:
 * the runtime's other threads serve nothing.
 *
 * @module
 */

import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../ffi/libc/constants.ts";
import { open } from "../../ffi/libc/file.ts";
import { checked, libc } from "../../ffi/libc/library.ts";
import { cString } from "../../ffi/libc/path.ts";

const CLONE_NEWNS = 0x0002_0000;
const CLONE_FS = 0x200;
const CLONE_NEWNET = 0x4000_0000;
const CLONE_NEWIPC = 0x0800_0000;
const MS_BIND = 0x1000n;
const MS_REC = 0x4000n;
const MS_SLAVE = 0x80000n;
const MNT_DETACH = 2;
const ARM = Deno.build.arch === "aarch64";
const SYS_PIVOT_ROOT = ARM ? 41n : 155n;

/** What is opened before the thread is shut in. */
export interface Confined {
  /** O_PATH descriptor of the shared directory. */
  readonly root: number;
}

const HERE = cString(".");
const NOTHING = cString("none");
const SLASH = cString("/");

/**
 * Confines this thread to a directory and makes /proc/self/fd its current directory, which is what the
 * host file system works through.
 * @param how `namespace`: mount, network and IPC namespaces of its own and pivot_root(2); `chroot`;
 *   `none`: only the current directory changes.
 */
export function confine(directory: string, how: "namespace" | "chroot" | "none"): Confined {
  const descriptors = open("/proc/self/fd", O_PATH | O_DIRECTORY);
  const library = libc();
  checked(library.unshare(CLONE_FS), "unshare");
  if (how === "namespace") pivotInto(directory);
  if (how === "chroot") {
    checked(library.chroot(cString(directory)), "chroot", directory);
    checked(library.chdir(SLASH), "chdir", "/");
  }
  const root = library.openat(
    -100,
    how === "none" ? cString(directory) : SLASH,
    O_PATH | O_DIRECTORY | O_CLOEXEC,
    0,
  );
  checked(root, "open", directory);
  checked(library.fchdir(descriptors), "fchdir", "/proc/self/fd");
  return { root };
}

function pivotInto(directory: string): void {
  const library = libc();
  checked(library.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC), "unshare", directory);
  const path = cString(directory);
  checked(library.mount(NOTHING, SLASH, NOTHING, MS_REC | MS_SLAVE, NOTHING), "mount", "/");
  checked(library.mount(path, path, NOTHING, MS_BIND | MS_REC, NOTHING), "mount", directory);
  checked(library.chdir(path), "chdir", directory);
  checked(library.syscall_buffers(SYS_PIVOT_ROOT, HERE, HERE), "pivot_root", directory);
  checked(library.umount2(HERE, MNT_DETACH), "umount", "the old root");
  checked(library.chdir(SLASH), "chdir", "/");
}
