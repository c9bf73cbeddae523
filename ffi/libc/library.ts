/**
 * The only place that opens the C library. It is opened at the first call, so that importing this
 * package needs no permission.
 *
 * Results that fit are declared `i32`, so that they are numbers. Parameters of 64 bits are given as
 * BigInt: a number in their place is accepted too, but takes Deno's slow path (measured: 830 against
 * 390 ns for a short write).
 *
 * @module
 */

import { SystemError } from "./error.ts";

const INTERFACE = {
  __errno_location: { parameters: [], result: "pointer" },
  close: { parameters: ["i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  flistxattr: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  memset: { parameters: ["buffer", "i32", "usize"], result: "usize" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["usize", "usize"], result: "i32" },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  poll: { parameters: ["usize", "usize", "i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pread_address: {
    name: "pread",
    parameters: ["i32", "usize", "usize", "i64"],
    result: "i32",
  },
  pwrite_address: {
    name: "pwrite",
    parameters: ["i32", "usize", "usize", "i64"],
    result: "i32",
  },
  preadv2: { parameters: ["i32", "usize", "i32", "i64", "i32"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwritev: { parameters: ["i32", "usize", "i32", "i64"], result: "i32" },
  preadv: { parameters: ["i32", "usize", "i32", "i64"], result: "i32" },
  read: { parameters: ["i32", "usize", "usize"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "i32", "buffer", "usize"], result: "i32" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "usize", "usize"], result: "i32" },
  writev: { parameters: ["i32", "usize", "i32"], result: "i32" },
} as const;

/** The C library's functions that this package calls. */
export type Libc = Deno.DynamicLibrary<typeof INTERFACE>["symbols"];

let symbols: Libc | undefined;
let errnoCell = new Int32Array(1);

/** The C library, opened at the first call. */
export function libc(): Libc {
  if (symbols === undefined) {
    const opened = Deno.dlopen("libc.so.6", INTERFACE).symbols;
    const pointer = opened.__errno_location();
    if (pointer === null) throw new Error("the C library has no errno");
    errnoCell = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4));
    symbols = opened;
  }
  return symbols;
}

/**
 * The error number of the call that this thread made last. To be read at once after the call. A
 * thread's `errno` stays at one address, so this reads memory and calls nothing; every Worker is a
 * thread with its own instance of this module.
 */
export function errno(): number {
  return errnoCell[0] ?? 0;
}

/** Throws the error of the call made last when `result` is below 0; else returns `result`. */
export function checked(result: number, call: string, path?: string): number {
  if (result < 0) throw new SystemError(errno(), call, path);
  return result;
}
