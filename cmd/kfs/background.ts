/**
 * Starting the process that serves a mount. Deno's threads do not survive fork(2), so kfs starts itself a
 * second time, or, to stay in the foreground, becomes itself a second time. Either way the signals that
 * end a mount are blocked in every thread of the serving process, which reads them from a descriptor: it
 * needs no thread that waits for them.
 *
 * @module
 */

import { makePipe } from "../../ffi/libc/event.ts";
import { close, readSome } from "../../ffi/libc/file.ts";
import { becomeProgram, startProcess, waitForProcess } from "../../ffi/libc/process.ts";
import { blockSignals } from "../../ffi/libc/signals.ts";
import type { KfsOptions } from "./mount_options.ts";
import { type Handover, HANDOVER_VARIABLE, READY, STOP_SIGNALS } from "./handover.ts";

/**
 * Small young generations: the engine makes little garbage, and a mount should not hold memory for it. Code is optimized
 * once it has run 100 times, not 500, since it last met something new: a mount has its work to do at once.
 */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=2,--min-semi-space-size=1," +
  "--minimum-invocations-after-ic-update=100";

/**
 * Blocks of buffers go back to the system when they are freed. Left alone, the C library raises this limit with the
 * first large one that is freed, and keeps what lies between others from then on: 5 to 10 MB.
 */
const MALLOC_SETTINGS = { MALLOC_MMAP_THRESHOLD_: "100000" } as const;

/**
 * Starts the serving process and waits until the mount answers or cannot be made. What it says until then
 * goes to standard error.
 * @returns the exit status.
 */
export function runInBackground(options: KfsOptions): number {
  const [readEnd, writeEnd] = makePipe();
  blockSignals(STOP_SIGNALS);
  const environment = handedOver({ options: absolute(options), starter: Deno.pid });
  const pid = startProcess(Deno.execPath(), programWords(), environment, writeEnd);
  close(writeEnd);
  const words = new Uint8Array(4096);
  for (;;) {
    const length = readSome(readEnd, words);
    if (length === 0) return waitForProcess(pid) || 1;
    const ready = words[length - 1] === READY;
    Deno.stderr.writeSync(words.subarray(0, ready ? length - 1 : length));
    if (ready) return 0;
  }
}

/** Becomes the serving process. */
export function runInForeground(options: KfsOptions): never {
  blockSignals(STOP_SIGNALS);
  const environment = handedOver({ options: absolute(options), starter: 0 });
  return becomeProgram(Deno.execPath(), programWords(), environment);
}

function handedOver(handover: Handover): Record<string, string> {
  return {
    ...MALLOC_SETTINGS,
    ...Deno.env.toObject(),
    DENO_NO_UPDATE_CHECK: "1",
    [HANDOVER_VARIABLE]: JSON.stringify(handover),
  };
}

/** Paths must not depend on the current directory: the serving process works in `/`. */
function absolute(options: KfsOptions): KfsOptions {
  const path = (name: string): string =>
    name === "" || name.startsWith("/") ? name : `${Deno.cwd()}/${name}`;
  return {
    ...options,
    image: path(options.image),
    mountPoint: path(options.mountPoint),
    logFile: path(options.logFile),
    journalPath: path(options.journalPath),
    vhostUser: path(options.vhostUser),
  };
}

/** How to start this very program again. */
function programWords(): string[] {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program];
  const module = new URL("./serving_process.ts", import.meta.url).href;
  // Modules that commands with other flags run too have code in the cache that cannot be used: looking for
  // it would only take time. A bundle is this process's alone.
  const cache = module.endsWith(".ts") ? ["--no-code-cache"] : [];
  const apart = ["--no-config", "--no-lock", "--no-prompt"];
  return [program, "run", "-A", V8_FLAGS, ...cache, ...apart, module];
}
