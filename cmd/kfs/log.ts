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
      if (file !== undefined) writeTo(file, encoder.encode(line));
      if (attached) writeTo(Deno.stderr, encoder.encode(`kfs: ${text}\n`));
    },
    detach() {
      attached = false;
    },
  };
}

/** A log that cannot be written, perhaps on the very disk that is full, must not end the mount. */
function writeTo(target: { writeSync(bytes: Uint8Array): number }, line: Uint8Array): void {
  try {
    target.writeSync(line);
  } catch {
    // There is nowhere left to say it.
  }
}
