/**
 * The words after `-o`: which exist and what each does.
 *
 * @module
 */

import type { AccessTimePolicy, DataMode } from "../../fs/ops/engine.ts";
import type { QuotaKind } from "../../fs/quota/kind.ts";
import type { WhenFull } from "../../fs/snapshot/snapshots.ts";
import type { ErrorBehavior } from "../../fs/volume/volume.ts";

/** Everything that a mount needs to know; plain data, so that it can be handed to another process. */
export interface KfsOptions {
  image: string;
  mountPoint: string;
  /** Stay in the foreground. */
  foreground: boolean;
  /** Print each operation. */
  debug: boolean;
  /** Serve everything on one thread. */
  singleThread: boolean;
  readOnly: boolean;
  allowOther: boolean;
  /** Permissions are checked even where only root can come in. */
  defaultPermissions: boolean;
  accessTime: AccessTimePolicy;
  noDirectoryAccessTime: boolean;
  lazyTime: boolean;
  /** Do ordinary work in memory before the first request. */
  practice: boolean;
  errors: ErrorBehavior | "";
  commitSeconds: number;
  dataMode: DataMode;
  barriers: boolean;
  offsetBytes: number;
  sync: boolean;
  directorySync: boolean;
  noRecovery: boolean;
  discard: boolean;
  /** Whose limits of quotas hold. */
  quotaLimits: QuotaKind[];
  /** The snapshot to show; empty: the file system itself. */
  snapshot: string;
  snapshotFull: WhenFull;
  /** Let the kernel gather writes. */
  writeback: boolean;
  /** File or device with the journal of a file system that has it outside; empty: it is inside. */
  journalPath: string;
  fsname: string;
  subtype: string;
  /** Where messages go while in the background; empty: nowhere. */
  logFile: string;
  cacheBytes: number;
  /** A socket at which virtual machines are served, too; empty: none. */
  vhostUser: string;
  /** Options that are the kernel's: nosuid, nodev, noexec, … */
  kernel: string[];
}

/** The options when nothing is said. */
export function defaultOptions(): KfsOptions {
  return {
    image: "",
    mountPoint: "",
    foreground: false,
    debug: false,
    singleThread: false,
    readOnly: false,
    allowOther: false,
    defaultPermissions: false,
    accessTime: "relatime",
    noDirectoryAccessTime: false,
    lazyTime: false,
    practice: true,
    errors: "",
    commitSeconds: 5,
    dataMode: "ordered",
    barriers: true,
    offsetBytes: 0,
    sync: false,
    directorySync: false,
    noRecovery: false,
    discard: false,
    quotaLimits: [],
    snapshot: "",
    snapshotFull: "drop",
    writeback: false,
    journalPath: "",
    fsname: "",
    subtype: "kfs",
    logFile: "",
    cacheBytes: 8 << 20,
    vhostUser: "",
    kernel: [],
  };
}

/** A word that cannot be understood; the message is for people. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

type Apply = (options: KfsOptions, value: string, word: string) => void;

/** An option of `-o`: what it does, and the line that the help shows. */
interface MountOption {
  readonly apply: Apply;
  /** Shown with the word; undefined hides it from the help. */
  readonly help?: string;
  /** The value's name in the help; an option without one takes no value. */
  readonly value?: string;
}

const pass: Apply = (options, _value, word) => void options.kernel.push(word);
const ignore: Apply = () => {};
const flag = (name: BooleanName, on: boolean): Apply => (options) => void (options[name] = on);

type BooleanName = {
  [Key in keyof KfsOptions]: KfsOptions[Key] extends boolean ? Key : never;
}[keyof KfsOptions];

const accessTime = (policy: AccessTimePolicy): Apply => (options) => {
  options.accessTime = policy;
};

const limits = (kind: QuotaKind): Apply => (options) => {
  if (!options.quotaLimits.includes(kind)) options.quotaLimits.push(kind);
};

const OPTIONS: Readonly<Record<string, MountOption>> = {
  ro: { apply: flag("readOnly", true), help: "read-only" },
  rw: { apply: flag("readOnly", false), help: "read-write (the default)" },
  allow_other: {
    apply: flag("allowOther", true),
    help: "users other than the one who mounts may use it",
  },
  default_permissions: {
    apply: flag("defaultPermissions", true),
    help: "check permissions even where only root can come in",
  },
  noatime: { apply: accessTime("noatime"), help: "reading does not change access times" },
  relatime: {
    apply: accessTime("relatime"),
    help: "access times follow changes, and once a day (the default)",
  },
  strictatime: { apply: accessTime("strictatime"), help: "every read changes the access time" },
  atime: { apply: accessTime("relatime") },
  nodiratime: {
    apply: flag("noDirectoryAccessTime", true),
    help: "listing directories does not change access times",
  },
  diratime: { apply: flag("noDirectoryAccessTime", false) },
  lazytime: {
    apply: flag("lazyTime", true),
    help: "access times are written with the next other change, or at sync",
  },
  nolazytime: { apply: flag("lazyTime", false) },
  nopractice: {
    apply: flag("practice", false),
    help: "do not get into practice while nobody asks for anything after the mount",
  },
  errors: {
    apply: errorsOption,
    value: "WHAT",
    help: "when the image is corrupt: continue, remount-ro or panic (unmount)",
  },
  commit: {
    apply: commitOption,
    value: "SECONDS",
    help: "write out changes this often (default 5)",
  },
  data: {
    apply: dataOption,
    value: "MODE",
    help: "content and the journal: ordered (the default), writeback or journal",
  },
  barrier: {
    apply: barrierOption,
    value: "0|1",
    help: "0: commits are not ordered by flushes of the disk (default 1)",
  },
  nobarrier: { apply: flag("barriers", false), help: "as barrier=0" },
  offset: {
    apply: offsetOption,
    value: "BYTES",
    help: "the file system begins here in IMAGE (K, M, G are understood)",
  },
  sync: {
    apply: flag("sync", true),
    help: "every change is on stable storage before it is answered",
  },
  async: { apply: flag("sync", false) },
  dirsync: { apply: flag("directorySync", true), help: "the same for changes of names" },
  journal_path: {
    apply: (options, value) => void (options.journalPath = value),
    value: "FILE",
    help: "where the journal is that the file system has outside",
  },
  journal_dev: { apply: journalDeviceOption, value: "NUMBER" },
  norecovery: { apply: flag("noRecovery", true), help: "with ro: do not replay the journal" },
  noload: { apply: flag("noRecovery", true) },
  discard: { apply: flag("discard", true), help: "give blocks that are freed back to the device" },
  nodiscard: { apply: flag("discard", false) },
  usrquota: { apply: limits("user"), help: "users' quota limits hold" },
  quota: { apply: limits("user") },
  grpquota: { apply: limits("group"), help: "groups' quota limits hold" },
  prjquota: { apply: limits("project"), help: "projects' quota limits hold" },
  noquota: {
    apply: (options) => void (options.quotaLimits = []),
    help: "no quota limits hold (the default); usage is counted",
  },
  snapshot: {
    apply: snapshotOption,
    value: "NAME",
    help: "show this snapshot of IMAGE, read-only",
  },
  snapshot_full: {
    apply: snapshotFullOption,
    value: "WHAT",
    help: "what a full disk does to snapshots: drop (the oldest goes; default) or refuse",
  },
  writeback: {
    apply: flag("writeback", true),
    help: "let the kernel gather writes: faster small ones, but errors reach close or fsync",
  },
  cache: { apply: cacheOption, value: "BYTES", help: "metadata kept in memory (default 8M)" },
  fsname: {
    apply: (options, value) => void (options.fsname = value),
    value: "NAME",
    help: "the source shown in the list of mounts (default IMAGE)",
  },
  subtype: {
    apply: (options, value) => void (options.subtype = value),
    value: "NAME",
    help: "the type is shown as fuse.NAME (default kfs)",
  },
  logfile: {
    apply: (options, value) => void (options.logFile = value),
    value: "FILE",
    help: "where messages go while in the background",
  },
  "vhost-user": {
    apply: (options, value) => void (options.vhostUser = value),
    value: "SOCKET",
    help: "serve virtual machines at this socket, too (virtio-fs over vhost-user)",
  },
  // What mount(8) hands to every helper, or keeps to itself.
  defaults: { apply: ignore },
  auto: { apply: ignore },
  noauto: { apply: ignore },
  nofail: { apply: ignore },
  _netdev: { apply: ignore },
  user: { apply: ignore },
  nouser: { apply: ignore },
  users: { apply: ignore },
  owner: { apply: ignore },
  group: { apply: ignore },
  loop: { apply: ignore },
  nosuid: { apply: pass, help: "set-id bits have no effect" },
  suid: { apply: pass },
  nodev: { apply: pass, help: "device nodes have no effect" },
  dev: { apply: pass },
  noexec: { apply: pass, help: "programs cannot be started from it" },
  exec: { apply: pass },
  nosymfollow: { apply: pass },
  context: { apply: pass, value: "LABEL" },
  fscontext: { apply: pass, value: "LABEL" },
  defcontext: { apply: pass, value: "LABEL" },
  rootcontext: { apply: pass, value: "LABEL" },
};

/**
 * Applies a list of words, e.g. `ro,offset=1M`.
 * @throws OptionError naming the word.
 */
export function applyMountOptions(options: KfsOptions, list: string): void {
  for (const word of splitWords(list)) {
    if (word === "" || word.startsWith("x-") || word.startsWith("comment=")) continue;
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (option === undefined) throw new OptionError(`unknown mount option: ${word}`);
    if (option.value === undefined && equals >= 0) {
      throw new OptionError(`${name} takes no value: ${word}`);
    }
    if (option.value !== undefined && equals < 0) {
      throw new OptionError(`${name} needs a value: ${name}=${option.value}`);
    }
    option.apply(options, equals < 0 ? "" : word.slice(equals + 1), word);
  }
}

/** The options that the help shows: the word, with its value, and what it does. */
export function mountOptionWords(): readonly { readonly word: string; readonly help: string }[] {
  return Object.entries(OPTIONS).flatMap(([name, { value, help }]) =>
    help === undefined ? [] : [{ word: value === undefined ? name : `${name}=${value}`, help }]
  );
}

/** Splits at commas; a backslash keeps the next character. */
function splitWords(list: string): string[] {
  const words: string[] = [];
  let word = "";
  for (let i = 0; i < list.length; i++) {
    const character = list.charAt(i);
    if (character === "\\" && i + 1 < list.length) word += list.charAt(++i);
    else if (character === ",") {
      words.push(word);
      word = "";
    } else word += character;
  }
  words.push(word);
  return words;
}

function errorsOption(options: KfsOptions, value: string): void {
  if (value !== "continue" && value !== "remount-ro" && value !== "panic") {
    throw new OptionError(`errors=${value}: use continue, remount-ro or panic`);
  }
  options.errors = value;
}

function commitOption(options: KfsOptions, value: string): void {
  const seconds = Number(value);
  if (!/^\d+$/.test(value) || seconds > 900) {
    throw new OptionError(
      `commit=${value}: use a number of seconds from 0 (the default, 5) to 900`,
    );
  }
  options.commitSeconds = seconds === 0 ? 5 : seconds;
}

function dataOption(options: KfsOptions, value: string): void {
  if (value !== "ordered" && value !== "writeback" && value !== "journal") {
    throw new OptionError(`data=${value}: use ordered, writeback or journal`);
  }
  options.dataMode = value;
}

function barrierOption(options: KfsOptions, value: string): void {
  if (value !== "0" && value !== "1") throw new OptionError(`barrier=${value}: use 0 or 1`);
  options.barriers = value === "1";
}

function snapshotOption(options: KfsOptions, value: string): void {
  if (value === "") throw new OptionError("snapshot needs a name: snapshot=NAME");
  options.snapshot = value;
  options.readOnly = true;
}

function snapshotFullOption(options: KfsOptions, value: string): void {
  if (value !== "drop" && value !== "refuse") {
    throw new OptionError(`snapshot_full=${value}: use drop or refuse`);
  }
  options.snapshotFull = value;
}

function offsetOption(options: KfsOptions, value: string): void {
  options.offsetBytes = byteCount("offset", value);
}

function cacheOption(options: KfsOptions, value: string): void {
  options.cacheBytes = byteCount("cache", value);
  if (options.cacheBytes < 1 << 20) throw new OptionError(`cache=${value}: at least 1M is needed`);
}

function byteCount(name: string, value: string): number {
  const match = /^(\d+)([KMGT]?)$/i.exec(value);
  const power = "KMGT".indexOf((match?.[2] ?? "").toUpperCase() || "?") + 1;
  const bytes = Number(match?.[1]) * 1024 ** power;
  if (match === null || !Number.isSafeInteger(bytes)) {
    throw new OptionError(`${name}=${value}: use a number of bytes, with K, M, G or T`);
  }
  return bytes;
}

/** As ext4 has it: a device number, here also a path. */
function journalDeviceOption(options: KfsOptions, value: string): void {
  if (value.startsWith("/")) {
    options.journalPath = value;
    return;
  }
  const number = Number(value);
  if (value === "" || !Number.isInteger(number) || number <= 0 || number > 0xffffffff) {
    throw new OptionError(`journal_dev=${value}: use a device number, or journal_path=FILE`);
  }
  const major = (number >>> 8) & 0xfff;
  const minor = (number & 0xff) | ((number >>> 12) & 0xfff00);
  options.journalPath = `/dev/block/${major}:${minor}`;
}
