/**
 * How a directory of the host is shared.
 *
 * @module
 */

/** What guests may keep, and whether their kernels keep data at all. */
export type CachePolicy = "auto" | "always" | "metadata" | "never";

/** Whether inodes are held by file handles, which take no descriptors, in place of descriptors. */
export type HandlePolicy = "never" | "prefer" | "mandatory";

/** Options of the shared directory. */
export interface HostOptions {
  readonly cache: CachePolicy;
  readonly readOnly: boolean;
  /** Extended attributes pass. */
  readonly xattr: boolean;
  /** Rules of `XattrMap`; empty: names stay as they are. */
  readonly xattrMap: string;
  /** POSIX ACLs pass, too. */
  readonly posixAcl: boolean;
  readonly writeback: boolean;
  /** O_DIRECT of the guest is passed to the host. */
  readonly directIo: boolean;
  /** With `cache` never, files can be mapped all the same. */
  readonly allowMmap: boolean;
  /** O_NOATIME of the guest is passed to the host. */
  readonly preserveNoatime: boolean;
  /** Mounts in the shared directory are told to the guest. */
  readonly submounts: boolean;
  readonly fileHandles: HandlePolicy;
  /** How many descriptors of inodes with handles stay open; there is a usual number. */
  readonly openNodes?: number;
  /** Rules of `IdMap` for users and for groups. */
  readonly uidRules: readonly string[];
  readonly gidRules: readonly string[];
}

/** How long attributes and names may be kept, in milliseconds. */
export function validMs(cache: CachePolicy): number {
  if (cache === "auto") return 1000;
  return cache === "never" ? 0 : 24 * 3600 * 1000;
}
