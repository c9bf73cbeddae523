/**
 * Capabilities: what serving does not need is dropped (capabilities(7)).
 *
 * @module
 */

import { checked, libc } from "../../ffi/libc/library.ts";

const ARM = Deno.build.arch === "aarch64";
const SYS_CAPSET = ARM ? 91n : 126n;
const VERSION_3 = 0x2008_0522;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const LAST_CAPABILITY = 40;

/** Names by number, without CAP_. */
const NAMES = (
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable " +
  "net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio " +
  "sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time " +
  "sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog " +
  "wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split(" ");

/** What serving a directory as root takes. */
const KEPT = [
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "setgid",
  "setuid",
  "mknod",
  "setfcap",
];

/** What serving an image takes: removing the socket in the end, whoever owns its folder. */
const KEPT_FOR_IMAGE = ["dac_override"];
/** What shutting in takes before. */
const SET_UP = ["sys_admin", "sys_chroot", "setpcap", "sys_resource", "chown", "dac_override"];

/**
 * The numbers that are kept.
 * @param image whether an image is served, not a directory.
 * @param changes `+name` or `-name`.
 * @throws RangeError for a name that there is not.
 */
export function keptCapabilities(image: boolean, changes: readonly string[]): Set<number> {
  const kept = new Set((image ? KEPT_FOR_IMAGE : KEPT).map((name) => NAMES.indexOf(name)));
  for (const change of changes) {
    const number = NAMES.indexOf(change.slice(1).toLowerCase().replace(/^cap_/, ""));
    if (number < 0 || !/^[+-]/.test(change)) throw new RangeError(`${change}: no such capability`);
    if (change.startsWith("+")) kept.add(number);
    else kept.delete(number);
  }
  return kept;
}

/**
 * Limits what a program that this thread starts (execve) can have, in all of its threads: what it keeps
 * and what shutting itself in takes.
 */
export function limitCapabilities(kept: ReadonlySet<number>): void {
  dropBounds(new Set([...kept, ...SET_UP.map((name) => NAMES.indexOf(name))]));
}

/** Those that are not there, on older kernels, cannot be dropped. */
function dropBounds(kept: ReadonlySet<number>): void {
  for (let number = 0; number <= LAST_CAPABILITY; number++) {
    if (!kept.has(number)) libc().prctl(PR_CAPBSET_DROP, BigInt(number), 0n, 0n, 0n);
  }
}

/** Drops all others of this thread, for good: nothing that it starts gets them back. */
export function dropCapabilities(kept: ReadonlySet<number>): void {
  dropBounds(kept);
  const sets = new Uint32Array(16);
  for (const number of kept) {
    // effective, permitted, inheritable for 0 to 31; then the same for 32 and up.
    const word = number < 32 ? 0 : 3;
    sets[word] = (sets[word] ?? 0) | 1 << (number & 31);
    sets[word + 1] = (sets[word + 1] ?? 0) | 1 << (number & 31);
  }
  const header = new Uint32Array(16);
  header[0] = VERSION_3;
  const result = libc().syscall_buffers(
    SYS_CAPSET,
    new Uint8Array(header.buffer),
    new Uint8Array(sets.buffer),
  );
  checked(result, "capset");
}

/** Nothing that this thread starts ever gains privileges: set-id programs do not. */
export function renouncePrivileges(): void {
  checked(libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl");
}
