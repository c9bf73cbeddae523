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

import { openByAddress } from "./by_address.ts";
import { SystemError } from "./error.ts";

/**
 * Functions that are called often. For each of them `Deno.dlopen` compiles a piece of code, which costs
 * 0.3 ms and saves some 0.5 µs a call, so each is opened when it is first asked for.
 */
const OFTEN = {
  close: { parameters: ["i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  clock_gettime_address: {
    name: "clock_gettime",
    parameters: ["i32", "usize"],
    result: "i32",
  },
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  flistxattr: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  memset: { parameters: ["buffer", "i32", "usize"], result: "usize" },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
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
  pwritev2: { parameters: ["i32", "usize", "i32", "i64", "i32"], result: "i32" },
  preadv: { parameters: ["i32", "usize", "i32", "i64"], result: "i32" },
  read: { parameters: ["i32", "usize", "usize"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "i32", "buffer", "usize"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  chdir: { parameters: ["buffer"], result: "i32" },
  chroot: { parameters: ["buffer"], result: "i32" },
  copy_file_range: {
    parameters: ["i32", "buffer", "i32", "buffer", "usize", "u32"],
    result: "isize",
  },
  dup: { parameters: ["i32"], result: "i32" },
  fchdir: { parameters: ["i32"], result: "i32" },
  fchmodat: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  getxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  listxattr: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  mknodat: { parameters: ["i32", "buffer", "u32", "u64"], result: "i32" },
  name_to_handle_at: {
    parameters: ["i32", "buffer", "buffer", "buffer", "i32"],
    result: "i32",
  },
  open_by_handle_at: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  mount: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  removexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  setfsgid: { parameters: ["u32"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  setxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  openlog: { parameters: ["buffer", "i32", "i32"], result: "void" },
  syslog: { parameters: ["i32", "buffer", "buffer"], result: "void" },
  syncfs: { parameters: ["i32"], result: "i32" },
  syscall_openat2: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "buffer", "usize"],
    result: "i32",
  },
  syscall_buffers: {
    name: "syscall",
    parameters: ["i64", "buffer", "buffer"],
    result: "i32",
  },
  syscall_numbers: {
    name: "syscall",
    parameters: ["i64", "u64", "u64", "u64", "u64"],
    result: "i32",
  },
  syscall_record: {
    name: "syscall",
    parameters: ["i64", "buffer", "usize", "u64"],
    result: "i32",
  },
  syscall_rule: {
    name: "syscall",
    parameters: ["i64", "u64", "u64", "buffer", "u64"],
    result: "i32",
  },
  umask: { parameters: ["u32"], result: "u32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  unshare: { parameters: ["i32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "usize", "usize"], result: "i32" },
  writev: { parameters: ["i32", "usize", "i32"], result: "i32" },
} as const;

/** Functions that are called a few times: all of them are opened within 1 ms. */
const SELDOM = {
  __errno_location: { parameters: [], result: "pointer" },
  _exit: { parameters: ["i32"], result: "void" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  getegid: { parameters: [], result: "u32" },
  geteuid: { parameters: [], result: "u32" },
  gethostname: { parameters: ["buffer", "usize"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["usize", "usize"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "pointer", "buffer", "buffer"],
    result: "i32",
  },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  pthread_sigmask: { parameters: ["i32", "buffer", "pointer"], result: "i32" },
  setsid: { parameters: [], result: "i32" },
  signalfd: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32" },
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  timerfd_settime: { parameters: ["i32", "i32", "buffer", "pointer"], result: "i32" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const;

type Often = Deno.DynamicLibrary<typeof OFTEN>["symbols"];
type Seldom = Deno.DynamicLibrary<typeof SELDOM>["symbols"];

/** The C library's functions that this package calls. */
export type Libc = Often & Seldom;

const LIBRARY = "libc.so.6";
let symbols: Libc | undefined;
let errnoCell = new Int32Array(1);

/** The C library, opened at the first call. */
export function libc(): Libc {
  if (symbols === undefined) {
    const opened = openLibrary();
    const pointer = opened.__errno_location();
    if (pointer === null) throw new Error("the C library has no errno");
    errnoCell = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4));
    symbols = opened;
  }
  return symbols;
}

/** An object with all functions; those of `OFTEN` are opened when they are first asked for. */
function openLibrary(): Libc {
  const library = openByAddress(LIBRARY, SELDOM);
  for (const [name, definition] of Object.entries(OFTEN)) {
    Object.defineProperty(library, name, {
      configurable: true,
      get() {
        const value = Deno.dlopen(LIBRARY, { [name]: definition }).symbols[name];
        Object.defineProperty(library, name, { value });
        return value;
      },
    });
  }
  return library as Libc;
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
