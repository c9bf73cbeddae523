/**
 * What kfsd is asked to do: the options of virtiofsd, and those of its own.
 *
 * @module
 */

import { parseTcpAddress } from "../../ffi/libc/tcp.ts";
import type { CachePolicy, HandlePolicy } from "../../vhost/host/host_options.ts";
import type { SandboxKind } from "../../vhost/sandbox/confine.ts";
import type { SeccompAction } from "../../vhost/sandbox/seccomp.ts";
import { IdMap } from "../../vhost/host/id_map.ts";
import { XattrMap } from "../../vhost/host/xattr_map.ts";
import { CommandError } from "../shared/command_error.ts";
import {
  type CommandLine,
  type CommandSpec,
  type OptionSpec,
  parseCommandLine,
} from "../shared/command_line.ts";
import { applyCompatibility, type Compatibility } from "./compatibility.ts";

export const LOG_LEVELS = ["off", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** Everything that a daemon needs to know; plain data, so that it can be handed to another process. */
export interface KfsdOptions {
  /** A directory to share, or empty. */
  sharedDir: string;
  /** An image to serve, or empty. */
  image: string;
  socketPath: string;
  socketGroup: string;
  /** A listening socket that this process was started with; -1: none. */
  fd: number;
  tag: string;
  /** Bytes of the window through which guests map files; 0: none. */
  daxWindowBytes: number;
  requestQueues: number;
  reconnect: boolean;
  sandbox: SandboxKind;
  seccomp: SeccompAction;
  /** The serving process is root of a user namespace, and in truth the user who started it. */
  userNamespace: boolean;
  cache: CachePolicy;
  readOnly: boolean;
  xattr: boolean;
  /** Rules for names of attributes; empty: they stay as they are. */
  xattrMap: string;
  posixAcl: boolean;
  writeback: boolean;
  directIo: boolean;
  allowMmap: boolean;
  readdirplus: boolean;
  preserveNoatime: boolean;
  submounts: boolean;
  fileHandles: HandlePolicy;
  /** `NAMESPACE:HOST:COUNT` of the user namespace; empty: only the user that runs kfsd. */
  uidMap: string;
  gidMap: string;
  uidRules: readonly string[];
  gidRules: readonly string[];
  killpriv: boolean;
  /** Changes of the capabilities that are kept, `+name` or `-name`. */
  modcaps: string[];
  /** 0: as many as can be had. */
  rlimitNofile: number;
  /** Where to tell figures; empty: nowhere. */
  metrics: string;
  /** The socket that listens there; -1: none. */
  metricsSocket: number;
  logLevel: LogLevel;
  syslog: boolean;
  /** Lines for the log about options that have no effect here. */
  remarks: string[];
}

function flag(name: string, help: string): OptionSpec {
  return { name, help };
}

/** The command line. */
export const SPEC: CommandSpec = {
  name: "kfsd",
  summary:
    "Shares a directory of the host, or an ext4 image, with virtual machines (virtio-fs over " +
    "vhost-user).",
  operands: "",
  options: [
    { name: "shared-dir", value: "DIR", help: "the directory to share" },
    { name: "image", value: "FILE", help: "an ext4 image to serve instead of a directory" },
    { name: "socket-path", value: "PATH", help: "where to listen for front-ends" },
    { name: "socket-group", value: "GROUP", help: "the group that may connect" },
    { name: "fd", value: "N", help: "a listening socket that was handed over" },
    { name: "tag", value: "TAG", help: "serve the configuration space with this tag" },
    { name: "num-request-queues", value: "N", help: "request queues told with --tag (1)" },
    flag("reconnect", "listen on after a front-end has left"),
    { name: "dax-window", value: "SIZE", help: "guests map files through a window: 1G" },
    { name: "sandbox", value: "namespace|chroot|none", help: "how to shut itself in (namespace)" },
    {
      name: "seccomp",
      value: "none|kill|log|trap",
      help: "what befalls system calls that serving does not need (kill)",
    },
    { name: "cache", value: "auto|always|metadata|never", help: "what guests keep (auto)" },
    flag("readonly", "no changes"),
    flag("xattr", "extended attributes"),
    flag("posix-acl", "POSIX ACLs; implies --xattr"),
    flag("writeback", "guests gather writes"),
    flag("allow-direct-io", "pass O_DIRECT to the host"),
    flag("allow-mmap", "shared mappings with --cache never or metadata"),
    flag("no-readdirplus", "no attributes with names"),
    flag("preserve-noatime", "pass O_NOATIME to the host"),
    flag("announce-submounts", "tell of mounts in the shared directory (the default)"),
    flag("no-announce-submounts", "do not"),
    flag("killpriv-v2", "clear set-id bits here (the default)"),
    flag("no-killpriv-v2", "leave that to guests"),
    {
      name: "inode-file-handles",
      value: "never|prefer|mandatory",
      help: "hold inodes by file handles, which take no descriptors (never)",
    },
    { name: "thread-pool-size", value: "N", help: "0 or 1: requests are served on one thread" },
    { name: "modcaps", value: "LIST", help: "capabilities kept or dropped: +sys_admin:-mknod" },
    { name: "rlimit-nofile", value: "N", help: "how many descriptors at most" },
    { name: "metrics", value: "[HOST:]PORT", help: "figures for Prometheus at this TCP address" },
    { name: "log-level", value: LOG_LEVELS.join("|"), help: "(info)" },
    flag("syslog", "log to the system's log"),
    flag("print-capabilities", "print what libvirt asks for, and end"),
    { letter: "o", value: "OPTION,…", help: "options as the older virtiofsd spelled them" },
    { letter: "d", help: "as --log-level debug" },
    { letter: "f", help: "stay in the foreground, as it always does" },
    { letter: "h", name: "help", help: "this text" },
    { letter: "V", name: "version", help: "the version" },
    {
      name: "translate-uid",
      value: "RULE",
      help: "map:GUEST:HOST:COUNT and others; may be repeated",
    },
    { name: "translate-gid", value: "RULE", help: "the same for groups" },
    {
      name: "xattrmap",
      value: "RULES",
      help: "names of extended attributes: :prefix:SCOPE:KEY:PREPEND: and others; implies --xattr",
    },
    {
      name: "uid-map",
      value: ":NAMESPACE:HOST:COUNT:",
      help: "users of the user namespace (not root)",
    },
    { name: "gid-map", value: ":NAMESPACE:HOST:COUNT:", help: "the same for groups" },
    flag("security-label", "refused: not there"),
    { name: "migration-mode", value: "MODE", help: "refused: no migration" },
    { name: "migration-on-error", value: "MODE", help: "refused: no migration" },
    flag("migration-verify-handles", "refused: no migration"),
    flag("migration-confirm-paths", "refused: no migration"),
  ],
  notes: "One of --shared-dir and --image is needed, and one of --socket-path and --fd.",
};

/** Options that are known and not there: each with why. */
const REFUSED: Readonly<Record<string, string>> = {
  "security-label": "security labels are not set at creation",
  "migration-mode": "migration is not there",
  "migration-on-error": "migration is not there",
  "migration-verify-handles": "migration is not there",
  "migration-confirm-paths": "migration is not there",
};

function oneOf<Word extends string>(option: string, words: readonly Word[], given: string): Word {
  const found = words.find((word) => word === given);
  if (found === undefined) {
    throw new CommandError(`${option} ${given}: one of ${words.join(", ")}`);
  }
  return found;
}

function wholeNumber(option: string, given: string, most: number): number {
  const value = /^\d+$/.test(given) ? Number(given) : NaN;
  if (!(value <= most)) throw new CommandError(`${option} ${given}: not a number up to ${most}`);
  return value;
}

function words(line: CommandLine): Compatibility {
  const compatibility: Compatibility = {
    values: new Map(),
    flags: new Map(),
    remarks: [],
  };
  for (const list of line.all("o")) applyCompatibility(compatibility, list);
  return compatibility;
}

function decideFlag(line: CommandLine, old: Compatibility, name: string, usual: boolean): boolean {
  if (line.has(`no-${name}`)) return false;
  if (line.has(name)) return true;
  return old.flags.get(name) ?? usual;
}

/** Reads the arguments. @throws CommandError */
export function readOptions(args: readonly string[]): KfsdOptions | "help" | "version" | "print" {
  const line = parseCommandLine(SPEC, args);
  if (line.has("h")) return "help";
  if (line.has("V")) return "version";
  if (line.has("print-capabilities")) return "print";
  for (const [name, reason] of Object.entries(REFUSED)) {
    if (line.has(name)) throw new CommandError(`--${name}: ${reason}`);
  }
  if (line.operands.length > 0) throw new CommandError(`unexpected argument ${line.operands[0]}`);
  const old = words(line);
  const value = (name: string, usual: string) => line.last(name) ?? old.values.get(name) ?? usual;
  const posixAcl = decideFlag(line, old, "posix-acl", false);
  const xattrMap = attributeMap(value("xattrmap", ""), line.has("xattrmap"));
  const options: KfsdOptions = {
    sharedDir: value("shared-dir", ""),
    image: value("image", ""),
    socketPath: value("socket-path", ""),
    socketGroup: value("socket-group", ""),
    fd: wholeNumber("--fd", line.last("fd") ?? "0", 1 << 20),
    tag: value("tag", ""),
    requestQueues: wholeNumber("--num-request-queues", value("num-request-queues", "1"), 63),
    daxWindowBytes: line.has("dax-window") ? windowBytes(line.last("dax-window") ?? "") : 0,
    reconnect: line.has("reconnect"),
    sandbox: oneOf("--sandbox", ["namespace", "chroot", "none"], value("sandbox", "namespace")),
    seccomp: oneOf("--seccomp", ["none", "kill", "log", "trap"], value("seccomp", "kill")),
    userNamespace: false,
    cache: cachePolicy(value("cache", "auto")),
    readOnly: line.has("readonly"),
    xattr: posixAcl || xattrMap !== "" || decideFlag(line, old, "xattr", false),
    xattrMap,
    posixAcl,
    writeback: decideFlag(line, old, "writeback", false),
    directIo: decideFlag(line, old, "allow-direct-io", false),
    allowMmap: line.has("allow-mmap"),
    readdirplus: decideFlag(line, old, "readdirplus", true),
    preserveNoatime: line.has("preserve-noatime"),
    submounts: decideFlag(line, old, "announce-submounts", true),
    fileHandles: oneOf(
      "--inode-file-handles",
      ["never", "prefer", "mandatory"],
      value("inode-file-handles", "never"),
    ),
    uidMap: namespaceMap(line, "uid-map"),
    gidMap: namespaceMap(line, "gid-map"),
    uidRules: rules(line, "translate-uid"),
    gidRules: rules(line, "translate-gid"),
    killpriv: decideFlag(line, old, "killpriv-v2", true),
    modcaps: value("modcaps", "").split(":").filter((word) => word !== ""),
    rlimitNofile: wholeNumber("--rlimit-nofile", line.last("rlimit-nofile") ?? "0", 1 << 30),
    metrics: metricsAddress(value("metrics", "")),
    metricsSocket: -1,
    logLevel: line.has("d")
      ? "debug"
      : oneOf("--log-level", LOG_LEVELS, value("log-level", "info")),
    syslog: line.has("syslog"),
    remarks: old.remarks,
  };
  if (!line.has("fd")) options.fd = -1;
  if (wholeNumber("--thread-pool-size", value("thread-pool-size", "0"), 1 << 16) > 1) {
    throw new CommandError("--thread-pool-size: requests are served on one thread; 0 or 1");
  }
  checkTogether(options);
  return options;
}

function rules(line: CommandLine, name: string): readonly string[] {
  const given = line.all(name);
  try {
    new IdMap(given);
  } catch (error) {
    throw new CommandError(`--${name} ${error instanceof Error ? error.message : error}`);
  }
  return given;
}

function metricsAddress(given: string): string {
  if (given === "" || parseTcpAddress(given) !== undefined) return given;
  throw new CommandError(`--metrics ${given}: not PORT, HOST:PORT or [HOST]:PORT`);
}

function attributeMap(given: string, isGiven: boolean): string {
  try {
    if (isGiven || given !== "") new XattrMap(given);
  } catch (error) {
    throw new CommandError(`--xattrmap: ${error instanceof Error ? error.message : error}`);
  }
  return given;
}

/** `:NAMESPACE:HOST:COUNT:` with any separator. @returns its numbers with colons between, or "" */
function namespaceMap(line: CommandLine, name: string): string {
  const given = line.last(name);
  if (given === undefined) return "";
  const separator = given.charAt(0);
  const [first, ...numbers] = given.split(separator);
  const last = numbers.pop();
  const valid = numbers.length === 3 && first === "" && last === "" &&
    numbers.every((word) => /^\d+$/.test(word) && Number(word) < 2 ** 32 - 1);
  if (!valid || numbers[2] === "0") {
    throw new CommandError(`--${name} ${given}: not :NAMESPACE:HOST:COUNT:`);
  }
  return numbers.join(":");
}

const UNITS: Readonly<Record<string, number>> = { M: 1 << 20, G: 1 << 30 };

/** A multiple of 2 MiB: as the guest's kernel divides it. */
function windowBytes(given: string): number {
  const parts = /^(\d+)([MG])$/.exec(given);
  const bytes = Number(parts?.[1]) * (UNITS[parts?.[2] ?? ""] ?? NaN);
  if (bytes > 0 && bytes % (2 << 20) === 0 && bytes <= 2 ** 40) return bytes;
  throw new CommandError(`--dax-window ${given}: a multiple of 2M, at most 1024G`);
}

function cachePolicy(given: string): CachePolicy {
  const word = given === "none" ? "never" : given;
  return oneOf("--cache", ["auto", "always", "metadata", "never"], word);
}

function checkTogether(options: KfsdOptions): void {
  const { sharedDir, image, socketPath, fd, tag, requestQueues } = options;
  if ((sharedDir === "") === (image === "")) {
    throw new CommandError("one of --shared-dir DIR and --image FILE is needed");
  }
  if (socketPath !== "" && fd >= 0) {
    throw new CommandError("--socket-path and --fd exclude each other");
  }
  if (new TextEncoder().encode(tag).length > 36) throw new CommandError("--tag: at most 36 bytes");
  if (options.daxWindowBytes > 0 && image !== "") {
    throw new CommandError("--dax-window: files of an image are not in files of the host");
  }
  if ((options.uidMap !== "" || options.gidMap !== "") && options.sandbox !== "namespace") {
    throw new CommandError("--uid-map and --gid-map need --sandbox namespace");
  }
  if (requestQueues === 0) throw new CommandError("--num-request-queues: at least 1");
}
