/**
 * Run as a program: filters its calls as serving does (the action is its argument), makes one that is
 * not allowed, and prints what that returned if it is still there.
 *
 * @module
 */

import { libc } from "../../ffi/libc/library.ts";
import { renouncePrivileges } from "../sandbox/capabilities.ts";
import { filterFor, type SeccompAction } from "../sandbox/seccomp.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;

const other = new Worker(`data:application/javascript,setInterval(()=>{},1000)`, {
  type: "module",
});
/** A container may have filters of its own: how many a thread has. */
function filtersOf(thread: string): number {
  const status = Deno.readTextFileSync(`/proc/self/task/${thread}/status`);
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1];
  // Older kernels do not count them.
  return Number(field("Seccomp_filters") ?? field("Seccomp"));
}

const action = Deno.args[0] as SeccompAction;
const filter = filterFor(action, { directory: true, handles: false });
renouncePrivileges();
const before = filtersOf(String(Deno.pid));
filter.set();
const filtered = [...Deno.readDirSync("/proc/self/task")].every(({ name }) => {
  return filtersOf(name) > before;
});
console.log(`every thread is filtered: ${filtered}`);
const descriptor = libc().socket(AF_UNIX, SOCK_STREAM, 0);
console.log(`socket: ${descriptor >= 0}`);
other.terminate();
