/**
 * The only place that opens libfuse3: of it a session's descriptor, its mount and its unmount are used.
 *
 * @module
 */

import { openByAddress } from "../libc/by_address.ts";

const INTERFACE = {
  fuse_session_new: { parameters: ["buffer", "buffer", "usize", "usize"], result: "pointer" },
  fuse_session_mount: { parameters: ["pointer", "buffer"], result: "i32" },
  fuse_session_fd: { parameters: ["pointer"], result: "i32" },
  fuse_session_unmount: { parameters: ["pointer"], result: "void" },
  fuse_session_destroy: { parameters: ["pointer"], result: "void" },
} as const;

/** The functions of libfuse3 that are called here. */
export type Libfuse = Deno.DynamicLibrary<typeof INTERFACE>["symbols"];

/** Names under which systems have libfuse3: up to 3.16, and from 3.17 on. */
const NAMES = ["libfuse3.so.3", "libfuse3.so.4"] as const;

let symbols: Libfuse | undefined;

/**
 * libfuse3, opened at the first call.
 * @throws Error that names the missing package.
 */
export function libfuse(): Libfuse {
  symbols ??= openLibrary(NAMES);
  return symbols;
}

/** Opens the first library of these names that there is. */
export function openLibrary(names: readonly string[]): Libfuse {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      return openByAddress(name, INTERFACE);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `libfuse3 cannot be loaded (tried ${names.join(", ")}). Install the package that has it: ` +
      `libfuse3-3 or fuse3 on Debian and Ubuntu, fuse3-libs on Fedora, fuse3 on Alpine and Arch. ` +
      `[${reasons.join("; ")}]`,
  );
}
