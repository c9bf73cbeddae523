/**
 * What the serving process renounces before the first front-end connects.
 *
 * @module
 */

import { effectiveUid } from "../../ffi/libc/mount.ts";
import {
  dropCapabilities,
  keptCapabilities,
  renouncePrivileges,
} from "../../vhost/sandbox/capabilities.ts";
import { confine, confineToNothing } from "../../vhost/sandbox/confine.ts";
import { type Allowed, restrictFiles } from "../../vhost/sandbox/landlock.ts";
import { filterFor } from "../../vhost/sandbox/seccomp.ts";
import type { PreparedFilter } from "../../ffi/libseccomp/filter.ts";
import { CommandError } from "../shared/command_error.ts";
import type { Log } from "./log.ts";
import type { KfsdOptions } from "./options.ts";

/** Whether this process may shut itself in. @throws CommandError */
export function checkSandbox({ sandbox }: KfsdOptions): void {
  if (effectiveUid() === 0 || sandbox === "none") return;
  throw new CommandError(`--sandbox ${sandbox} needs root; use namespace or none`);
}

/** Confines the process to a directory, or (`undefined`) to nothing. @returns its root, -1 for nothing */
export function enterSandbox(directory: string | undefined, { sandbox }: KfsdOptions): number {
  if (directory !== undefined) return confine(directory, sandbox).root;
  if (sandbox !== "none") confineToNothing(sandbox);
  return -1;
}

/** What the serving thread keeps. */
export function capabilitiesFor({ image, modcaps, fileHandles }: KfsdOptions): Set<number> {
  const handles = fileHandles === "never" ? [] : ["+dac_read_search"];
  return keptCapabilities(image !== "", [...handles, ...modcaps]);
}

/** Drops capabilities and ways to files, of this thread. @param root the shared directory; -1: none */
export function renounce(
  options: KfsdOptions,
  root: number,
  folders: readonly number[],
  log: Log,
): void {
  if (effectiveUid() === 0) dropCapabilities(capabilitiesFor(options));
  renouncePrivileges();
  if (options.fileHandles !== "never") {
    log("debug", "no Landlock: it knows no files that were opened by handles");
    return;
  }
  const allowed: Allowed[] = folders.map((directory) => ({ directory, rights: "remove" }));
  if (root >= 0) allowed.push({ directory: root, rights: options.readOnly ? "read" : "all" });
  const version = restrictFiles(allowed);
  log("debug", version === 0 ? "the kernel has no Landlock" : `Landlock, version ${version}`);
}

/** The filter of system calls for all threads, which is set later. @throws CommandError */
export function callFilter({ seccomp, image, fileHandles }: KfsdOptions): PreparedFilter {
  try {
    return filterFor(seccomp, {
      directory: image === "",
      handles: fileHandles !== "never",
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new CommandError(`--seccomp ${seccomp}: ${reason}`);
  }
}
