/**
 * The system calls that serving takes, measured with strace in every mode, and what befalls all others.
 *
 * @module
 */

import {
  ACTION,
  type FilterRules,
  type PreparedFilter,
  prepareFilter,
} from "../../ffi/libseccomp/filter.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";

/** What befalls a call that is not in the list; `none`: there is no filter. */
export type SeccompAction = "none" | "kill" | "log" | "trap";

const ACTIONS: Readonly<Record<Exclude<SeccompAction, "none">, number>> = {
  kill: ACTION.KILL_PROCESS,
  log: ACTION.LOG,
  trap: ACTION.TRAP,
};

/** The runtime's threads, memory, signals, clocks, randomness; its end. */
const RUNTIME = `
  brk mmap munmap mremap mprotect madvise mlock pkey_alloc pkey_free pkey_mprotect membarrier
  futex set_robust_list get_robust_list rseq sched_yield sched_getaffinity sched_setaffinity
  sched_getparam sched_getscheduler sched_setscheduler gettid getpid getppid getuid geteuid getgid
  getegid getresuid getresgid capget
  rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall tgkill
  clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getrandom sysinfo uname
  getcpu getrusage prlimit64 exit exit_group
  epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll eventfd2 pipe2
  timerfd_create timerfd_settime signalfd4
`;

/** Open files of every kind. */
const FILES = `
  read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek close dup dup3
  close_range fcntl flock fsync fdatasync syncfs sync_file_range fallocate ftruncate fadvise64
  copy_file_range fstat newfstatat stat lstat statx fstatfs statfs access faccessat faccessat2 getcwd
  open openat readlink readlinkat unlink unlinkat mkdir getdents64 ioctl memfd_create
`;

/** Front-ends, and whoever reads the figures. */
const SOCKETS = `
  accept4 recvmsg sendmsg recvfrom sendto getsockopt setsockopt getsockname getpeername shutdown
`;

/** What a shared directory takes besides. */
const DIRECTORY = `
  mknod mknodat mkdirat symlinkat linkat renameat renameat2 fchmodat fchmodat2 fchmod fchownat fchown
  utimensat getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr
  fsetxattr removexattr lremovexattr fremovexattr setfsuid setfsgid setgroups umask fchdir
`;

/** File handles in place of descriptors. */
const HANDLES = "name_to_handle_at open_by_handle_at";

/** Threads, not processes. */
const CLONE_THREAD = 0x0001_0000;
const PR_SET_VMA = 0x5356_4d41;
const PR_SET_NAME = 15;

/** What is served: it decides which calls are needed. */
export interface Serving {
  readonly directory: boolean;
  readonly handles: boolean;
}

/** The filter for what is served. */
export function rulesFor({ directory, handles }: Serving): FilterRules {
  const lists = [RUNTIME, FILES, SOCKETS];
  if (directory) lists.push(DIRECTORY);
  if (handles) lists.push(HANDLES);
  return {
    allowed: lists.flatMap((list) => list.split(/\s+/)).filter((name) => name !== ""),
    conditions: [
      { call: "clone", argument: 0, bits: CLONE_THREAD },
      { call: "prctl", argument: 0, bits: PR_SET_NAME, exact: true },
      { call: "prctl", argument: 0, bits: PR_SET_VMA, exact: true },
    ],
    // Its flags lie in memory, where no filter sees them; the C library then takes clone.
    failing: { clone3: ERRNO.ENOSYS },
  };
}

/** A filter for the calls of all threads, to be set when everything is open. */
export function filterFor(action: SeccompAction, serving: Serving): PreparedFilter {
  if (action === "none") return { set: () => {} };
  return prepareFilter(rulesFor(serving), ACTIONS[action]);
}
