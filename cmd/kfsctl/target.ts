/**
 * What TARGET on the command line is: an image, or a mount of kfs, named by its mount point, by a path
 * inside it, or by the image that is mounted.
 *
 * @module
 */

import { listMounts, type MountInfo } from "../../ffi/libc/mount.ts";
import { CommandError } from "../shared/command_error.ts";
import { mountsOf } from "../shared/in_use.ts";
import { MountClient } from "./mount_client.ts";

/** An image that is to be opened, or a mount that is to be asked. */
export type Target =
  | { readonly kind: "image"; readonly path: string }
  | {
    readonly kind: "mount";
    readonly mountPoint: string;
    /** The path within the mount, `/` for the mount point itself. */
    readonly inside: string;
  };

/** The superblock's magic number, and where it is from the beginning of the file system. */
const MAGIC = 0xef53;
const MAGIC_OFFSET = 1024 + 0x38;

/**
 * Finds out what `text` names.
 * @param offsetBytes where the file system would begin in an image.
 * @throws CommandError for a directory that is in no FUSE mount; Deno.errors.NotFound
 */
export function findTarget(text: string, offsetBytes = 0): Target {
  const info = statOrUndefined(text);
  const path = info === undefined ? absolutePath(text) : Deno.realPathSync(text);
  if (info !== undefined && (info.isFile || info.isBlockDevice)) {
    const mounted = mountsOf(path).findLast(({ type }) => isFuse(type));
    if (mounted !== undefined) {
      return { kind: "mount", mountPoint: mounted.mountPoint, inside: "/" };
    }
    const around = mountAround(path);
    const inMount = around !== undefined && isFuse(around.type) && !holdsExt(path, offsetBytes);
    if (!inMount) return { kind: "image", path: text };
  }
  const mount = mountAround(path);
  if (mount === undefined || !isFuse(mount.type)) {
    throw new CommandError(`${text}: neither an image nor in a mount of kfs`);
  }
  const { mountPoint } = mount;
  const inside = mountPoint === "/" ? path : path.slice(mountPoint.length);
  return { kind: "mount", mountPoint, inside: inside === "" ? "/" : inside };
}

/** Begins a conversation with the mount that `text` names. @throws CommandError when it is an image that is not mounted */
export function askMount(text: string): MountClient {
  const target = findTarget(text);
  if (target.kind === "image") throw new CommandError(`${text}: it is not mounted by kfs`);
  return new MountClient(target.mountPoint);
}

function isFuse(type: string): boolean {
  return type === "fuse" || type === "fuseblk" || /^fuse(blk)?\./.test(type);
}

/** Undefined for what cannot be looked at, as root's view of another user's mount. */
function statOrUndefined(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw error;
    return undefined;
  }
}

/** Without links resolved: `.` and `..` only. */
function absolutePath(text: string): string {
  const from = text.startsWith("/") ? text : `${Deno.cwd()}/${text}`;
  const parts: string[] = [];
  for (const part of from.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** The mount that a path without links is in: the one on top of those that go deepest. */
function mountAround(path: string): MountInfo | undefined {
  let found: MountInfo | undefined;
  for (const mount of listMounts()) {
    const { mountPoint } = mount;
    const isAround = mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`);
    if (isAround && mountPoint.length >= (found?.mountPoint.length ?? 0)) found = mount;
  }
  return found;
}

function holdsExt(path: string, offsetBytes: number): boolean {
  try {
    using file = Deno.openSync(path);
    file.seekSync(offsetBytes + MAGIC_OFFSET, Deno.SeekMode.Start);
    const bytes = new Uint8Array(2);
    return file.readSync(bytes) === 2 && new DataView(bytes.buffer).getUint16(0, true) === MAGIC;
  } catch {
    return false;
  }
}
