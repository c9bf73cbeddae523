/**
 * Names of inodes that outlast descriptors (name_to_handle_at(2), open_by_handle_at(2)). Opening by them
 * takes CAP_DAC_READ_SEARCH, and a file system that can be exported.
 *
 * @module
 */

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  S_IFDIR,
  S_IFREG,
} from "../../ffi/libc/constants.ts";
import { close } from "../../ffi/libc/file.ts";
import { libc } from "../../ffi/libc/library.ts";

/** `struct file_handle`: length 0, type 4, the handle from 8 on. */
const HEAD_BYTES = 8;
/** MAX_HANDLE_SZ. */
const LARGEST_HANDLE = 128;
const EMPTY = new Uint8Array(8);

/** One inode. */
export interface FileHandle {
  /** `struct file_handle`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mountId: number;
}

/** What is known of a descriptor whose handle is wanted. */
export interface Described {
  /** S_IF* bits and permissions. */
  readonly mode: number;
  readonly mountId: number;
}

/** Whether both name the same inode. */
export function sameHandle(one: FileHandle, other: FileHandle): boolean {
  return one.mountId === other.mountId &&
    one.bytes.every((byte, index) => byte === other.bytes[index]);
}

/** The handles of one front-end, and a descriptor of each mount that they are on. */
export class FileHandles {
  readonly #mounts = new Map<number, number>();
  readonly #mountId = new Int32Array(16);

  /** The handle of an open file (O_PATH will do); undefined where there is none. */
  take(descriptor: number, described: Described): FileHandle | undefined {
    const bytes = new Uint8Array(HEAD_BYTES + LARGEST_HANDLE);
    new DataView(bytes.buffer).setUint32(0, LARGEST_HANDLE, true);
    const mount = new Uint8Array(this.#mountId.buffer);
    const result = libc().name_to_handle_at(descriptor, EMPTY, bytes, mount, AT_EMPTY_PATH);
    if (result < 0 || !this.knowMount(descriptor, described)) return undefined;
    return { bytes, mountId: described.mountId };
  }

  /** Opening by handle takes a descriptor on the mount that is more than O_PATH: one of this file. */
  knowMount(descriptor: number, { mode, mountId }: Described): boolean {
    if (this.#mounts.has(mountId)) return true;
    const type = mode & 0o170000;
    if (type !== S_IFDIR && type !== S_IFREG) return false;
    const name = new TextEncoder().encode(`${descriptor}\0`);
    const opened = libc().openat(AT_FDCWD, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    if (opened >= 0) this.#mounts.set(mountId, opened);
    return opened >= 0;
  }

  /** Opens an inode, O_PATH. @returns below 0 when it is gone, or may not be opened like this */
  open({ bytes, mountId }: FileHandle): number {
    const mount = this.#mounts.get(mountId) ?? -1;
    return libc().open_by_handle_at(mount, bytes, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  }

  /** Whether the file system of an open file has handles, and this process may use them. */
  workFor(descriptor: number, described: Described): boolean {
    const handle = this.take(descriptor, described);
    const opened = handle === undefined ? -1 : this.open(handle);
    if (opened >= 0) close(opened);
    return opened >= 0;
  }

  /** Lets the mounts go; they are found again when they are needed. */
  close(): void {
    for (const descriptor of this.#mounts.values()) close(descriptor);
    this.#mounts.clear();
  }
}
