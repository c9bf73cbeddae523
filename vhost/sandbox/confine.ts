/**
 * Shutting the process in: its root becomes the shared directory, or a place without files.
 *
 * @module
 */

import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../ffi/libc/constants.ts";
import { open } from "../../ffi/libc/file.ts";
import { checked, libc } from "../../ffi/libc/library.ts";
import { cString } from "../../ffi/libc/path.ts";

const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWNET = 0x4000_0000;
const CLONE_NEWIPC = 0x0800_0000;
const MS_BIND = 0x1000n;
const MS_REC = 0x4000n;
const MS_SLAVE = 0x80000n;
/** Read-only, and neither set-id programs, devices nor programs. */
const MS_BARREN = 15n;
const MNT_DETACH = 2;
const ARM = Deno.build.arch === "aarch64";
const SYS_PIVOT_ROOT = ARM ? 41n : 155n;

/** How the process is shut in: `namespace` by pivot_root(2) in a mount namespace of its own. */
export type SandboxKind = "namespace" | "chroot" | "none";

/** What is opened before the process is shut in. */
export interface Confined {
  /** O_PATH descriptor of the shared directory. */
  readonly root: number;
}

const HERE = cString(".");
const NOTHING = cString("none");
const SLASH = cString("/");
/** Every system has it; an empty file system is laid over it before it becomes the root. */
const COVERED = cString("/proc");

/**
 * Gives this thread mount, network and IPC namespaces of its own. A process that a program starts in
 * them (execve) has all its threads there, which a thread of a running process cannot achieve.
 */
export function enterNamespaces(): void {
  checked(libc().unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC), "unshare");
}

/**
 * Confines this process to a directory and makes /proc/self/fd its current directory, which is what the
 * host file system works through. For `namespace` the namespaces must have been entered.
 */
export function confine(directory: string, how: SandboxKind): Confined {
  const descriptors = open("/proc/self/fd", O_PATH | O_DIRECTORY);
  const library = libc();
  if (how === "namespace") {
    const path = cString(directory);
    keepMountsInside();
    checked(library.mount(path, path, NOTHING, MS_BIND | MS_REC, NOTHING), "mount", directory);
    pivotInto(path);
  }
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

/** Confines this process, which opens nothing more, to a file system without files. */
export function confineToNothing(how: "namespace" | "chroot"): void {
  if (how === "chroot") {
    // Nothing can be made or opened there, even without Landlock.
    checked(libc().chroot(cString("/proc/self/fdinfo")), "chroot");
    checked(libc().chdir(SLASH), "chdir", "/");
    return;
  }
  keepMountsInside();
  const kind = cString("tmpfs");
  checked(libc().mount(kind, COVERED, kind, MS_BARREN, cString("")), "mount", "tmpfs");
  pivotInto(COVERED);
}

/** What is mounted outside shows here, not the other way round. */
function keepMountsInside(): void {
  checked(libc().mount(NOTHING, SLASH, NOTHING, MS_REC | MS_SLAVE, NOTHING), "mount", "/");
}

/** All threads' root and current directory become the mount at `path`. */
function pivotInto(path: Uint8Array<ArrayBuffer>): void {
  const library = libc();
  checked(library.chdir(path), "chdir");
  checked(library.syscall_buffers(SYS_PIVOT_ROOT, HERE, HERE), "pivot_root");
  checked(library.umount2(HERE, MNT_DETACH), "umount", "the old root");
  checked(library.chdir(SLASH), "chdir", "/");
}
