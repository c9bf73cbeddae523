/**
 * A filter of system calls for all threads of this process (seccomp(2)).
 *
 * @module
 */

import { SystemError } from "../libc/error.ts";
import { cString } from "../libc/path.ts";
import { type Libseccomp, libseccomp } from "./library.ts";

/** What the kernel does with a call (SCMP_ACT_*). */
export const ACTION = {
  KILL_PROCESS: 0x8000_0000,
  TRAP: 0x0003_0000,
  ERRNO: 0x0005_0000,
  LOG: 0x7ffc_0000,
  ALLOW: 0x7fff_0000,
} as const;

const ATTRIBUTE_TSYNC = 4;
/** `struct scmp_arg_cmp`: argument 0, operator 4, two numbers of 64 bits at 8 and 16. */
const COMPARISON_BYTES = 24;
const MASKED_EQUAL = 7;
const NOT_KNOWN = -1;

/** A call that is allowed only when an argument has all of these bits, or (`exact`) is this number. */
export interface Condition {
  readonly call: string;
  readonly argument: number;
  readonly bits: number;
  readonly exact?: boolean;
}

/** What a filter lets pass. Names that this architecture or library does not know are left out. */
export interface FilterRules {
  readonly allowed: readonly string[];
  readonly conditions: readonly Condition[];
  /** Calls that fail with this error number in place of what befalls all others. */
  readonly failing: Readonly<Record<string, number>>;
}

/** A filter that can be set later, when the library's file is out of reach. */
export interface PreparedFilter {
  /**
   * Sets it, for good. This thread must have no-new-privileges or CAP_SYS_ADMIN.
   * @throws SystemError, also when a thread has another filter already.
   */
  set(): void;
}

/**
 * Prepares a filter.
 * @param otherwise what befalls a call that the rules do not name: one of `ACTION`.
 */
export function prepareFilter(rules: FilterRules, otherwise: number): PreparedFilter {
  const library = libseccomp();
  const filter = library.seccomp_init(otherwise);
  if (filter === null) throw new Error("seccomp_init failed");
  checked(library.seccomp_attr_set(filter, ATTRIBUTE_TSYNC, 1), "seccomp_attr_set");
  const add = ruleAdder(library, filter);
  for (const name of rules.allowed) add(ACTION.ALLOW, name);
  for (const condition of rules.conditions) {
    add(ACTION.ALLOW, condition.call, comparison(condition));
  }
  for (const [name, number] of Object.entries(rules.failing)) add(ACTION.ERRNO | number, name);
  return {
    set: () => {
      checked(library.seccomp_load(filter), "seccomp_load");
      library.seccomp_release(filter);
    },
  };
}

function ruleAdder(library: Libseccomp, filter: Deno.PointerObject) {
  return (action: number, name: string, compared?: Uint8Array<ArrayBuffer>): void => {
    const number = library.seccomp_syscall_resolve_name(cString(name));
    // Below -1: calls of other architectures.
    if (number <= NOT_KNOWN) return;
    const count = compared === undefined ? 0 : 1;
    const records = compared ?? new Uint8Array(COMPARISON_BYTES);
    const result = library.seccomp_rule_add_array(filter, action, number, count, records);
    checked(result, `seccomp_rule_add ${name}`);
  };
}

const ALL_BITS = 0xffff_ffffn;

function comparison({ argument, bits, exact }: Condition): Uint8Array<ArrayBuffer> {
  const mask = exact === true ? ALL_BITS : BigInt(bits);
  const view = new DataView(new ArrayBuffer(128));
  view.setUint32(0, argument, true);
  view.setUint32(4, MASKED_EQUAL, true);
  view.setBigUint64(8, mask, true);
  view.setBigUint64(16, BigInt(bits), true);
  return new Uint8Array(view.buffer);
}

function checked(result: number, call: string): void {
  if (result < 0) throw new SystemError(-result, call);
}
