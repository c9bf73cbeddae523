/**
 * Capabilities of the serving thread: what it does not need is dropped (capabilities(7)).
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

/**
 * The numbers that are kept.
 * @param changes `+name` or `-name`.
 * @throws RangeError for a name that there is not.
 */
export function keptCapabilities(changes: readonly string[]): ReadonlySet<number> {
  const kept = new Set(KEPT.map((name) => NAMES.indexOf(name)));
  for (const change of changes) {
    const number = NAMES.indexOf(change.slice(1).toLowerCase().replace(/^cap_/, ""));
    if (number < 0 || !/^[+-]/.test(change)) throw new RangeError(`${change}: no such capability`);
    if (change.startsWith("+")) kept.add(number);
    else kept.delete(number);
  }
  return kept;
}

/** Drops all others of this thread, for good: nothing that it starts gets them back. */
export function dropCapabilities(kept: ReadonlySet<number>): void {
  const library = libc();
  for (let number = 0; number <= LAST_CAPABILITY; number++) {
    if (!kept.has(number)) library.prctl(PR_CAPBSET_DROP, BigInt(number), 0n, 0n, 0n);
  }
  const sets = new Uint32Array(16);
  for (const number of kept) {
    // effective, permitted, inheritable for 0 to 31; then the same for 32 and up.
    const word = number < 32 ? 0 : 3;
    sets[word] = (sets[word] ?? 0) | 1 << (number & 31);
    sets[word + 1] = (sets[word + 1] ?? 0) | 1 << (number & 31);
  }
  const header = new Uint32Array(16);
  header[0] = VERSION_3;
  const result = library.syscall_buffers(
    SYS_CAPSET,
    new Uint8Array(header.buffer),
    new Uint8Array(sets.buffer),
  );
  checked(result, "capset");
  checked(library.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl");
}
