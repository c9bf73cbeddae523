/** Where lines go, and which. @module */

import { libc } from "../../ffi/libc/library.ts";
import { type KfsdOptions, LOG_LEVELS, type LogLevel } from "./options.ts";

/** Severities of syslog(3). */
const SEVERITY: Readonly<Record<LogLevel, number>> = {
  off: 7,
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
};
const LOG_PID = 1;
const LOG_NDELAY = 8;
const LOG_DAEMON = 3 << 3;

const encoder = new TextEncoder();
const FORMAT = encoder.encode("%s\0");
/** openlog(3) keeps its address. */
const IDENTITY = encoder.encode("kfsd\0".padEnd(128, "\0"));

/** Writes a line. */
export type Log = (level: LogLevel, text: string) => void;

/** The log that the options ask for. */
export function openLog({ logLevel, syslog }: KfsdOptions): Log {
  const most = LOG_LEVELS.indexOf(logLevel);
  const wanted = (level: LogLevel) => LOG_LEVELS.indexOf(level) <= most;
  if (!syslog) {
    return (level, text) => {
      if (wanted(level)) Deno.stderr.writeSync(encoder.encode(`kfsd: ${level}: ${text}\n`));
    };
  }
  // Connected at once: the sandbox has no /dev/log.
  libc().openlog(IDENTITY, LOG_PID | LOG_NDELAY, LOG_DAEMON);
  return (level, text) => {
    if (wanted(level)) libc().syslog(SEVERITY[level], FORMAT, encoder.encode(`${text}\0`));
  };
}
