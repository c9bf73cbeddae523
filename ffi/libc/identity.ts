/**
 * Doing something as another user, on this thread alone.
 *
 * @module
 */

import { checked, libc } from "./library.ts";

const ARM = Deno.build.arch === "aarch64";
const SYS_SETRESUID = ARM ? 147n : 117n;
const SYS_SETRESGID = ARM ? 149n : 119n;
const SYS_CAPGET = ARM ? 90n : 125n;
const SYS_CAPSET = ARM ? 91n : 126n;
const CAPABILITY_VERSION_3 = 0x2008_0522;
const CAP_SETGID = 6;
const CAP_SETUID = 7;
const PR_SET_KEEPCAPS = 8;

/**
 * Does `work` with another user's and group's numbers, real, effective and saved, as a process of that user would; then
 * becomes root again. The C library would change all threads; this changes the one that calls, by system calls.
 * @throws SystemError when the process is not root's; what `work` throws.
 */
export function asUser<T>(uid: number, gid: number, work: () => T): T {
  // Without this, root's capabilities would be gone for good, and with them the way back.
  checked(libc().prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n), "prctl");
  setGroups(gid);
  try {
    setUsers(uid);
    try {
      return work();
    } finally {
      raiseCapabilities();
      setUsers(0);
    }
  } finally {
    setGroups(0);
  }
}

function setUsers(uid: number): void {
  const id = BigInt(uid);
  checked(libc().syscall_numbers(SYS_SETRESUID, id, id, id, 0n), "setresuid");
}

function setGroups(gid: number): void {
  const id = BigInt(gid);
  checked(libc().syscall_numbers(SYS_SETRESGID, id, id, id, 0n), "setresgid");
}

/** Makes effective what is needed to change users. */
function raiseCapabilities(): void {
  const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);
  const sets = new Uint32Array(6);
  const bytes = new Uint8Array(sets.buffer);
  checked(libc().syscall_buffers(SYS_CAPGET, header, bytes), "capget");
  sets[0] = (sets[0] ?? 0) | (1 << CAP_SETGID) | (1 << CAP_SETUID);
  checked(libc().syscall_buffers(SYS_CAPSET, header, bytes), "capset");
}
