/**
 * How a directory of the host is shared.
 *
 * @module
 */

/** What guests may keep, and whether their kernels keep data at all. */
export type CachePolicy = "auto" | "always" | "metadata" | "never";

/** Options of the shared directory. */
export interface HostOptions {
  readonly cache: CachePolicy;
  readonly readOnly: boolean;
  /** Extended attributes pass. */
  readonly xattr: boolean;
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
  /** Rules of `IdMap` for users and for groups. */
  readonly uidRules: readonly string[];
  readonly gidRules: readonly string[];
}

/** How long attributes and names may be kept, in milliseconds. */
export function validMs(cache: CachePolicy): number {
  if (cache === "auto") return 1000;
  return cache === "never" ? 0 : 24 * 3600 * 1000;
}
