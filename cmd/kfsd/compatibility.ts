/**
 * The words behind `-o`, as virtiofsd of QEMU spelled its options.
 *
 * @module
 */

import { CommandError } from "../shared/command_error.ts";

/** What the words say, under the names of today's options. */
export interface Compatibility {
  readonly values: Map<string, string>;
  readonly flags: Map<string, boolean>;
  /** For the log: words without effect. */
  readonly remarks: string[];
}

const VALUES: Readonly<Record<string, string>> = {
  source: "shared-dir",
  cache: "cache",
  sandbox: "sandbox",
  seccomp: "seccomp",
  xattrmap: "xattrmap",
  modcaps: "modcaps",
  log_level: "log-level",
  inode_file_handles: "inode-file-handles",
};

const FLAGS: Readonly<Record<string, string>> = {
  xattr: "xattr",
  posix_acl: "posix-acl",
  writeback: "writeback",
  readdirplus: "readdirplus",
  announce_submounts: "announce-submounts",
  killpriv_v2: "killpriv-v2",
  allow_direct_io: "allow-direct-io",
};

/** Words that change nothing here; locks stay in the guest in either case. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  flock: "-o flock: locks hold within a guest",
  posix_lock: "-o posix_lock: locks hold within a guest",
};
const SILENT = new Set([
  "no_flock",
  "no_posix_lock",
  "no_security_label",
  "allow_root",
  "no_allow_root",
]);

const LEVELS: Readonly<Record<string, string>> = { err: "error", warn: "warn", info: "info" };

/** Takes up a list of words. @throws CommandError */
export function applyCompatibility(target: Compatibility, list: string): void {
  for (const word of list.split(",")) {
    if (word === "" || SILENT.has(word)) continue;
    const equals = word.indexOf("=");
    if (equals > 0) setValue(target, word.slice(0, equals), word.slice(equals + 1));
    else setFlag(target, word);
  }
}

function setValue(target: Compatibility, name: string, value: string): void {
  const option = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined;
  if (option === undefined) throw new CommandError(`-o ${name}=: there is no such option here`);
  target.values.set(option, option === "log-level" ? LEVELS[value] ?? value : value);
}

function setFlag(target: Compatibility, word: string): void {
  if (word === "debug") {
    target.values.set("log-level", "debug");
    return;
  }
  const remark = Object.hasOwn(WITHOUT_EFFECT, word) ? WITHOUT_EFFECT[word] : undefined;
  if (remark !== undefined) {
    target.remarks.push(remark);
    return;
  }
  const off = word.startsWith("no_");
  const name = off ? word.slice(3) : word;
  const option = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
  if (option === undefined) throw new CommandError(`-o ${word}: there is no such option here`);
  target.flags.set(option, !off);
}
