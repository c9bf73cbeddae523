/**
 * A member of a tar archive, whatever dialect it was written in.
 *
 * @module
 */

/** Seconds since 1970, and nanoseconds within the second. */
export interface TarTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What a member is. */
export type TarType =
  | "file"
  | "link"
  | "symlink"
  | "character"
  | "block"
  | "directory"
  | "fifo";

/** A part of a file that holds data; all else is a hole. */
export interface TarPart {
  /** Where it lies in the file, in bytes. */
  readonly offset: number;
  /** Where it lies in the store of the archive's contents, in bytes. */
  readonly stored: number;
  readonly length: number;
}

/** One member. */
export interface TarMember {
  readonly type: TarType;
  /** As written in the archive: bytes, perhaps with a leading or trailing slash. */
  readonly path: Uint8Array;
  /** Permission bits with set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file, holes included. */
  readonly size: number;
  readonly mtime: TarTime;
  /** The archive may know these, too. */
  readonly atime: TarTime | undefined;
  readonly ctime: TarTime | undefined;
  /** Target of a symbolic link, path of the member that a hard link is to. */
  readonly target: Uint8Array;
  readonly major: number;
  readonly minor: number;
  /** Full names and values; ACLs are `system.posix_acl_access` and `_default` in the form of the system calls. */
  readonly xattrs: readonly (readonly [name: Uint8Array, value: Uint8Array])[];
  /** Of a file, in ascending order. */
  readonly parts: readonly TarPart[];
  /** Where its first header is in the archive. */
  readonly headerOffset: number;
}
