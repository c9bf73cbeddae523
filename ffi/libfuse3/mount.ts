/**
 * Mounting and unmounting: as root directly, as another user through `fusermount3`.
 *
 * @module
 */

import { MNT_DETACH, O_RDWR, S_IFDIR, UMOUNT_NOFOLLOW } from "../libc/constants.ts";
import { ERRNO } from "../libc/errno.ts";
import { SystemError } from "../libc/error.ts";
import { close, open } from "../libc/file.ts";
import { mapMemory, type Mapping, unmapMemory } from "../libc/memory.ts";
import { effectiveUid, mountAt, unmount } from "../libc/mount.ts";
import { cString } from "../libc/path.ts";
import { fileType, statusOf } from "../libc/status.ts";
import { libfuse } from "./library.ts";
import { type MountOptions, optionText } from "./options.ts";

/** `struct fuse_args`: argc (padded to 8 bytes), argv, allocated (padded). */
const FUSE_ARGS_BYTES = 24;
const POINTER_BYTES = 8;
/** Of `struct fuse_lowlevel_ops` only a first, empty member is given: no operation is libfuse's. */
const OPERATIONS_BYTES = 8;
const FUSE_DEVICE = "/dev/fuse";
const FUSE_CONFIGURATION = "/etc/fuse.conf";

/** A mounted session. Only its thread may call it, but `descriptor` is good in every thread. */
export class FuseMount {
  #session: Deno.PointerObject | undefined;
  readonly #device: string | undefined;

  constructor(
    session: Deno.PointerObject,
    /** The open /dev/fuse of this mount. */
    readonly descriptor: number,
    /** Absolute, without links. */
    readonly mountPoint: string,
  ) {
    this.#session = session;
    this.#device = mountAt(mountPoint)?.device;
  }

  /** Unmounts if that is still to be done (detached, so it never waits), and closes the descriptor. */
  close(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    libfuse().fuse_session_unmount(session);
    libfuse().fuse_session_destroy(session);
    // libfuse takes an aborted connection for one that is unmounted already.
    if (this.#device !== undefined && mountAt(this.mountPoint)?.device === this.#device) {
      unmountFuse(this.mountPoint, true);
    }
  }
}

/**
 * Mounts a FUSE file system. It is in the tree when this returns; whoever uses it waits until the
 * descriptor is served.
 * @throws Error or SystemError that says what stands in the way.
 */
export function mountFuse(options: MountOptions): FuseMount {
  const mountPoint = checkMountPoint(options.mountPoint);
  checkMayMount(options);
  const session = newSession(optionText(options));
  if (libfuse().fuse_session_mount(session, cString(mountPoint)) !== 0) {
    libfuse().fuse_session_destroy(session);
    throw new Error(`${mountPoint}: cannot mount there (libfuse's reason is above)`);
  }
  return new FuseMount(session, libfuse().fuse_session_fd(session), mountPoint);
}

/** Makes a session that knows the mount options. */
function newSession(optionText: string): Deno.PointerObject {
  const memory = sessionArguments(["fuse", "-o", optionText].map(cString));
  try {
    const operations = new Uint8Array(OPERATIONS_BYTES);
    const size = BigInt(OPERATIONS_BYTES);
    const session = libfuse().fuse_session_new(memory.bytes, operations, size, 0n);
    if (session === null) throw new Error(`libfuse refuses the mount options ${optionText}`);
    return session;
  } finally {
    unmapMemory(memory);
  }
}

/** `struct fuse_args` with the array and the strings that it points to, in memory that stays put. */
function sessionArguments(strings: readonly Uint8Array[]): Mapping {
  const argvAt = FUSE_ARGS_BYTES;
  let at = argvAt + (strings.length + 1) * POINTER_BYTES;
  const memory = mapMemory(strings.reduce((sum, text) => sum + text.length, at));
  const view = new DataView(memory.bytes.buffer);
  view.setInt32(0, strings.length, true);
  view.setBigUint64(POINTER_BYTES, BigInt(memory.address + argvAt), true);
  strings.forEach((text, index) => {
    view.setBigUint64(argvAt + index * POINTER_BYTES, BigInt(memory.address + at), true);
    memory.bytes.set(text, at);
    at += text.length;
  });
  return memory;
}

function checkMountPoint(path: string): string {
  let mode: number;
  try {
    mode = statusOf(path, true).mode;
  } catch (error) {
    if (error instanceof SystemError && error.errno === ERRNO.ENOTCONN) {
      throw new SystemError(
        error.errno,
        "stat",
        path,
        "a FUSE file system whose server is gone is mounted there; unmount it first",
      );
    }
    throw error;
  }
  if (fileType(mode) !== S_IFDIR) throw new SystemError(ERRNO.ENOTDIR, "mount", path);
  return Deno.realPathSync(path);
}

/** The reasons for which a mount would fail with less to say. */
function checkMayMount(options: MountOptions): void {
  try {
    close(open(FUSE_DEVICE, O_RDWR));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const missing = error.errno === ERRNO.ENOENT || error.errno === ERRNO.ENODEV;
    const why = missing
      ? "the kernel offers no FUSE here; load its module (modprobe fuse)"
      : "it must be readable and writable for whoever mounts";
    throw new SystemError(error.errno, "open", FUSE_DEVICE, why);
  }
  if (effectiveUid() !== 0 && options.blockDevice !== undefined) {
    throw new SystemError(ERRNO.EPERM, "mount", options.blockDevice);
  }
  if (effectiveUid() !== 0 && options.allowOther === true && !usersMayAllowOthers()) {
    throw new Error(
      `allow_other: only root may, unless ${FUSE_CONFIGURATION} has the line user_allow_other`,
    );
  }
}

function usersMayAllowOthers(): boolean {
  try {
    const lines = Deno.readTextFileSync(FUSE_CONFIGURATION).split("\n");
    return lines.some((line) => line.trim() === "user_allow_other");
  } catch {
    return true;
  }
}

/**
 * Unmounts what is mounted at `mountPoint`. Not for the thread that serves it: the kernel may send
 * requests before it lets go.
 * @param detach take it out of the tree now, even when it is in use.
 * @throws SystemError EBUSY when it is in use; EINVAL when nothing is mounted there.
 */
export function unmountFuse(mountPoint: string, detach = false): void {
  if (effectiveUid() === 0) {
    unmount(mountPoint, UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0));
    return;
  }
  if (mountAt(mountPoint) === undefined) throw new SystemError(ERRNO.EINVAL, "umount", mountPoint);
  const { success, stderr } = new Deno.Command("fusermount3", {
    args: [detach ? "-uz" : "-u", "--", mountPoint],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).outputSync();
  if (success) return;
  const why = new TextDecoder().decode(stderr).trim();
  throw new SystemError(ERRNO.EBUSY, "umount", mountPoint, why === "" ? undefined : why);
}

/**
 * Sets how far the kernel reads ahead on a mounted file system. Needs root.
 * @returns whether it was set.
 */
export function setReadAhead(mountPoint: string, kibibytes: number): boolean {
  const device = mountAt(mountPoint)?.device;
  if (device === undefined) return false;
  try {
    Deno.writeTextFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, `${kibibytes}\n`);
    return true;
  } catch {
    return false;
  }
}
