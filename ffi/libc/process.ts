/**
 * Processes: starting one, becoming another program, sessions.
 *
 * @module
 */

import { O_RDONLY } from "./constants.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";
import { cString } from "./path.ts";

const PR_SET_PDEATHSIG = 1;
const POINTER_BYTES = 8;
/** More than a `posix_spawn_file_actions_t` (80 in glibc). */
const FILE_ACTIONS_BYTES = 256;

/** Strings as C programs are given them: an array of pointers that ends with null. */
class StringArray {
  readonly pointers: BigUint64Array<ArrayBuffer>;
  readonly #text: Uint8Array<ArrayBuffer>;

  constructor(strings: readonly string[]) {
    const parts = strings.map(cString);
    // At least so long that the bytes have a fixed address.
    this.#text = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 256));
    this.pointers = new BigUint64Array(parts.length + POINTER_BYTES);
    const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#text));
    let at = 0;
    parts.forEach((part, index) => {
      this.#text.set(part, at);
      this.pointers[index] = address + BigInt(at);
      at += part.length;
    });
  }
}

function environmentStrings(environment: Readonly<Record<string, string>>): StringArray {
  return new StringArray(Object.entries(environment).map(([name, value]) => `${name}=${value}`));
}

/**
 * Starts a program with this thread's blocked signals (posix_spawn). Its standard input is empty.
 * @param words the arguments, beginning with the program's name.
 * @param output the descriptor that becomes its standard output and standard error.
 * @returns its process id.
 */
export function startProcess(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  output: number,
): number {
  const library = libc();
  const pid = new Int32Array(1);
  const argv = new StringArray(words);
  const envp = environmentStrings(environment);
  const actions = new Uint8Array(FILE_ACTIONS_BYTES);
  const input = cString("/dev/null");
  const number = library.posix_spawn_file_actions_init(actions) ||
    library.posix_spawn_file_actions_addopen(actions, 0, input, O_RDONLY, 0) ||
    library.posix_spawn_file_actions_adddup2(actions, output, 1) ||
    library.posix_spawn_file_actions_adddup2(actions, output, 2) ||
    library.posix_spawn(pid, cString(program), actions, null, argv.pointers, envp.pointers);
  library.posix_spawn_file_actions_destroy(actions);
  if (number !== 0) throw new SystemError(number, "posix_spawn", program);
  return pid[0] ?? 0;
}

/** Becomes another program, with this thread's blocked signals (execve). Returns only by throwing. */
export function becomeProgram(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): never {
  const argv = new StringArray(words);
  const envp = environmentStrings(environment);
  libc().execve(cString(program), argv.pointers, envp.pointers);
  throw new SystemError(errno(), "execve", program);
}

/** Waits for a child's end. @returns its exit status, or 128 and the number of the signal that ended it. */
export function waitForProcess(pid: number): number {
  const status = new Int32Array(1);
  checked(libc().waitpid(pid, status, 0), "waitpid");
  const word = status[0] ?? 0;
  const signal = word & 0x7f;
  return signal === 0 ? (word >>> 8) & 0xff : 128 + signal;
}

/** Makes a session of its own for this process: no terminal, and no signals from one (setsid). */
export function leaveTerminal(): void {
  checked(libc().setsid(), "setsid");
}

/**
 * Has this process sent `signal` when the thread that started it ends, 0 for no more (PR_SET_PDEATHSIG).
 * If that thread may have ended before, look at the parent's id afterwards.
 */
export function hearOfParentsEnd(signal: number): void {
  checked(libc().prctl(PR_SET_PDEATHSIG, BigInt(signal), 0n, 0n, 0n), "prctl");
}

/** Ends the process at once, without tidying up after the runtime. */
export function exitAtOnce(status: number): never {
  libc()._exit(status);
  throw new Error("_exit returned");
}
