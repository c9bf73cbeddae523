/**
 * The only place that opens libseccomp, which turns lists of system calls into a filter for the kernel.
 *
 * @module
 */

import { openByAddress } from "../libc/by_address.ts";

const INTERFACE = {
  seccomp_init: { parameters: ["u32"], result: "pointer" },
  seccomp_release: { parameters: ["pointer"], result: "void" },
  seccomp_attr_set: { parameters: ["pointer", "u32", "u32"], result: "i32" },
  seccomp_rule_add_array: {
    parameters: ["pointer", "u32", "i32", "u32", "buffer"],
    result: "i32",
  },
  seccomp_syscall_resolve_name: { parameters: ["buffer"], result: "i32" },
  seccomp_load: { parameters: ["pointer"], result: "i32" },
} as const;

/** The functions of libseccomp that are called here. */
export type Libseccomp = Deno.DynamicLibrary<typeof INTERFACE>["symbols"];

const NAME = "libseccomp.so.2";
let symbols: Libseccomp | undefined;

/** libseccomp, opened at the first call. @throws Error that names the missing package. */
export function libseccomp(): Libseccomp {
  try {
    symbols ??= openByAddress(NAME, INTERFACE);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `libseccomp cannot be loaded. Install libseccomp2 (Debian, Ubuntu) or libseccomp. [${reason}]`,
    );
  }
  return symbols;
}
