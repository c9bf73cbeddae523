/** Where messages of a mount go: the terminal, then a log file. @module */

import type { KfsOptions } from "./mount_options.ts";

/** Takes lines of the log. */
export interface Log {
  write(text: string): void;
  /** From now on nothing goes to standard error: whoever started us is gone. */
  detach(): void;
}

/** Opens the log file, if there is to be one. */
export function openLog(options: KfsOptions): Log {
  const encoder = new TextEncoder();
  const file = options.logFile === ""
    ? undefined
    : Deno.openSync(options.logFile, { create: true, append: true, write: true });
  let attached = true;
  return {
    write(text) {
      const line = `${new Date().toISOString()} kfs[${Deno.pid}] ${text}\n`;
      file?.writeSync(encoder.encode(line));
      if (attached) Deno.stderr.writeSync(encoder.encode(`kfs: ${text}\n`));
    },
    detach() {
      attached = false;
    },
  };
}
