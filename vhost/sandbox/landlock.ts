/**
 * Landlock (landlock(7)): a thread renounces opening and changing files but below a few directories, and
 * opening network connections. Where the kernel lacks it nothing happens.
 *
 * @module
 */

import { SystemError } from "../../ffi/libc/error.ts";
import { close } from "../../ffi/libc/file.ts";
import { checked, errno, libc } from "../../ffi/libc/library.ts";

// The same numbers on all architectures.
const SYS_CREATE_RULESET = 444n;
const SYS_ADD_RULE = 445n;
const SYS_RESTRICT_SELF = 446n;
const VERSION_FLAG = 1n;
const RULE_PATH_BENEATH = 1n;

/** LANDLOCK_ACCESS_FS_*. */
const READ_FILE = 1 << 2;
const READ_DIRECTORY = 1 << 3;
const REMOVE_FILE = 1 << 5;
/** Execute to make-symlink; then, each with a later version: refer, truncate, device ioctls. */
const FIRST_RIGHTS = 13;
const RIGHTS_BY_VERSION = [0, FIRST_RIGHTS, 14, 15, 15, 16];
const NETWORK_VERSION = 4;
const SCOPE_VERSION = 6;
/** TCP: bind, connect. */
const NETWORK_RIGHTS = 3n;
const SCOPE_ABSTRACT_SOCKETS = 1n;

/** A directory below which something stays allowed. */
export interface Allowed {
  /** O_PATH. */
  readonly directory: number;
  /** Everything, looking, or taking files away. */
  readonly rights: "all" | "read" | "remove";
}

/** The kernel's version of Landlock; 0: it has none. */
export function landlockVersion(): number {
  return Math.max(0, libc().syscall_numbers(SYS_CREATE_RULESET, 0n, 0n, VERSION_FLAG, 0n));
}

/**
 * Restricts this thread and those that it starts, for good. It must have no-new-privileges.
 * @returns the version of Landlock in use; 0: the kernel has none.
 */
export function restrictFiles(allowed: readonly Allowed[]): number {
  const version = landlockVersion();
  if (version === 0) return 0;
  const count = RIGHTS_BY_VERSION[Math.min(version, RIGHTS_BY_VERSION.length - 1)] ?? FIRST_RIGHTS;
  const every = 2 ** count - 1;
  const ruleset = makeRuleset(version, every);
  try {
    for (const { directory, rights } of allowed) {
      const bits = { all: every, read: READ_FILE | READ_DIRECTORY, remove: REMOVE_FILE }[rights];
      addRule(ruleset, directory, bits);
    }
    checked(
      libc().syscall_numbers(SYS_RESTRICT_SELF, BigInt(ruleset), 0n, 0n, 0n),
      "landlock_restrict_self",
    );
  } finally {
    close(ruleset);
  }
  return version;
}

/** `struct landlock_ruleset_attr`: files, network, scopes; older kernels know its beginning only. */
function makeRuleset(version: number, files: number): number {
  const words = new BigUint64Array(16);
  words[0] = BigInt(files);
  words[1] = version >= NETWORK_VERSION ? NETWORK_RIGHTS : 0n;
  words[2] = version >= SCOPE_VERSION ? SCOPE_ABSTRACT_SOCKETS : 0n;
  const known = version >= SCOPE_VERSION ? 24n : version >= NETWORK_VERSION ? 16n : 8n;
  const result = libc().syscall_record(
    SYS_CREATE_RULESET,
    new Uint8Array(words.buffer),
    known,
    0n,
  );
  return checked(result, "landlock_create_ruleset");
}

/** `struct landlock_path_beneath_attr`: rights 0, directory 8. */
function addRule(ruleset: number, directory: number, rights: number): void {
  const view = new DataView(new ArrayBuffer(128));
  view.setBigUint64(0, BigInt(rights), true);
  view.setInt32(8, directory, true);
  const record = new Uint8Array(view.buffer);
  const result = libc().syscall_rule(
    SYS_ADD_RULE,
    BigInt(ruleset),
    RULE_PATH_BENEATH,
    record,
    0n,
  );
  if (result < 0) throw new SystemError(errno(), "landlock_add_rule");
}
