import assert from "node:assert/strict";

import { libseccomp } from "../../ffi/libseccomp/library.ts";
import { rulesFor, type SeccompAction } from "./seccomp.ts";

const PROGRAM = new URL("../testing/forbidden_call.ts", import.meta.url).href;

function run(action: SeccompAction): { readonly signal: string | null; readonly printed: string } {
  const { signal, stdout } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--no-lock", PROGRAM, action],
    stderr: "null",
  }).outputSync();
  return { signal, printed: new TextDecoder().decode(stdout).trim() };
}

for (const action of ["kill", "trap"] as const) {
  Deno.test(`a forbidden call ends the process: ${action}`, () => {
    const { signal, printed } = run(action);
    assert.equal(signal, "SIGSYS", printed);
    assert.equal(printed, "every thread is filtered: true");
  });
}

Deno.test("a forbidden call goes on where it is only logged, and where there is no filter", () => {
  assert.deepEqual(run("log"), {
    signal: null,
    printed: "every thread is filtered: true\nsocket: true",
  });
  assert.deepEqual(run("none"), {
    signal: null,
    printed: "every thread is filtered: false\nsocket: true",
  });
});

Deno.test("what starts programs, enters namespaces or opens connections is never allowed", () => {
  const { allowed } = rulesFor({ directory: true, handles: true });
  const dangerous = [
    ...["execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "mount", "umount2"],
    ...["pivot_root", "chroot", "unshare", "setns", "socket", "connect", "bind", "bpf", "kill"],
    ...["process_vm_writev", "init_module", "kexec_load", "io_uring_setup", "setuid", "capset"],
  ];
  assert.deepEqual(dangerous.filter((name) => allowed.includes(name)), []);
  assert.equal(rulesFor({ directory: false, handles: false }).allowed.includes("linkat"), false);
});

Deno.test("every allowed call has a name that the library knows", () => {
  const { allowed } = rulesFor({ directory: true, handles: true });
  const unknown = allowed.filter((name) => {
    const text = new TextEncoder().encode(`${name}\0`);
    return libseccomp().seccomp_syscall_resolve_name(text) === -1;
  });
  // Newer than some versions of the library.
  assert.deepEqual(unknown.filter((name) => name !== "fchmodat2"), []);
});
