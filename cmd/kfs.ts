/**
 * kfs: mounts an ext4 image through FUSE. In the background unless told otherwise: then a detached
 * process of its own serves the file system, and this one returns once the mount answers.
 *
 * @module
 */

import { exitAtOnce } from "../ffi/libc/process.ts";
import { helpText, parseArguments } from "./kfs/arguments.ts";
import { runInBackground, runInForeground } from "./kfs/background.ts";
import { isServingProcess } from "./kfs/handover.ts";
import { OptionError } from "./kfs/mount_options.ts";
import { startWhenLoaded } from "./shared/start.ts";
import { VERSION } from "./shared/version.ts";

/** Not in the graph of this module: the starting process loads as little as it can. */
const SERVING_PROCESS = new URL("./kfs/serving_process.ts", import.meta.url).href;

function main(): number {
  const request = parseArguments(Deno.args);
  if (request.kind === "help") {
    console.log(helpText());
    return 0;
  }
  if (request.kind === "version") {
    console.log(`kfs ${VERSION}`);
    return 0;
  }
  if (request.options.foreground) return runInForeground(request.options);
  return exitAtOnce(runInBackground(request.options));
}

async function start(): Promise<void> {
  try {
    if (isServingProcess()) await import(SERVING_PROCESS);
    else Deno.exit(main());
  } catch (error) {
    const hint = error instanceof OptionError ? " (kfs --help lists all)" : "";
    console.error(`kfs: ${error instanceof Error ? error.message : error}${hint}`);
    Deno.exit(1);
  }
}

startWhenLoaded(start);
