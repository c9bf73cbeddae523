/**
 * The comma-separated lists of -E and -J.
 *
 * @module
 */

import type { Amount, FormatOptions, JournalOptions, QuotaType } from "../../fs/mkfs/options.ts";
import { parseNumber, parseSize } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import { parseUuid } from "../shared/uuid.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What -E says: options of the format, and what concerns the command alone. */
export interface ExtendedOptions {
  readonly format: Mutable<FormatOptions>;
  /** Where the file system begins in the file. */
  offsetBytes: number;
  copyXattrs: boolean;
}

/** Reads one option's value; `undefined` is none given. */
type Reader = (into: ExtendedOptions, value: string | undefined, name: string) => void;

function needed(value: string | undefined, name: string): string {
  if (value === undefined || value === "") {
    throw new CommandError(`-E ${name} needs a value: ${name}=…`);
  }
  return value;
}

function noValue(value: string | undefined, name: string): void {
  if (value !== undefined) throw new CommandError(`-E ${name} takes no value`);
}

/** `name`, `name=1` or `name=0`. */
function onOff(value: string | undefined, name: string): boolean {
  return value === undefined || parseNumber(value, `-E ${name}`, 0, 1) === 1;
}

/** A bare number counts blocks; one with a suffix is a size. */
export function parseAmount(text: string, what: string): Amount {
  const size = parseSize(text, what);
  return "bytes" in size ? size : { blocks: size.number };
}

const MAX_32 = 0xffffffff;

const number = (
  set: (format: Mutable<FormatOptions>, value: number) => void,
  low: number,
  high: number,
): Reader =>
(into, value, name) => set(into.format, parseNumber(needed(value, name), `-E ${name}`, low, high));

const flag =
  (set: (format: Mutable<FormatOptions>, value: boolean) => void): Reader => (into, value, name) =>
    set(into.format, onOff(value, name));

const READERS: Readonly<Record<string, Reader>> = {
  mmp_update_interval: number((f, v) => f.mmpIntervalSeconds = v, 0, 300),
  stride: number((f, v) => f.raidStride = v, 0, 0xffff),
  stripe_width: number((f, v) => f.raidStripeWidth = v, 0, MAX_32),
  num_backup_sb: number((f, v) => f.backupSuperblocks = v, 0, 2),
  desc_size: number((f, v) => f.descriptorBytes = v, 0, 65536),
  revision: number((f, v) => f.revision = v === 0 ? 0 : 1, 0, 1),
  lazy_itable_init: flag((f, v) => f.lazyInodeTables = v),
  lazy_journal_init: flag((f, v) => f.lazyJournal = v),
  assume_storage_prezeroed: flag((f, v) => f.assumeZeroed = v),
  packed_meta_blocks: flag((f, v) => f.packedMetadata = v),
  test_fs: flag((f, v) => f.testFileSystem = v),
  discard(into, value, name) {
    noValue(value, name);
    into.format.discard = true;
  },
  nodiscard(into, value, name) {
    noValue(value, name);
    into.format.discard = false;
  },
  no_copy_xattrs(into, value, name) {
    noValue(value, name);
    into.copyXattrs = false;
  },
  offset(into, value, name) {
    const size = parseSize(needed(value, name), `-E ${name}`);
    into.offsetBytes = "bytes" in size ? size.bytes : size.number;
  },
  resize(into, value, name) {
    into.format.resize = parseAmount(needed(value, name), `-E ${name}`);
  },
  orphan_file_size(into, value, name) {
    into.format.orphanFileSize = parseAmount(needed(value, name), `-E ${name}`);
  },
  root_owner: readRootOwner,
  root_perms(into, value, name) {
    const text = needed(value, name);
    if (!/^[0-7]{1,5}$/.test(text) || parseInt(text, 8) > 0o7777) {
      throw new CommandError(`-E ${name}: ${text} is not an octal mode up to 7777`);
    }
    into.format.rootPermissions = parseInt(text, 8);
  },
  root_selinux(into, value, name) {
    into.format.rootSelinux = needed(value, name);
  },
  quotatype(into, value, name) {
    into.format.quotaTypes = needed(value, name).split(":").map(quotaType);
  },
  encoding(into, value, name) {
    into.format.encoding = needed(value, name);
  },
  encoding_flags(into, value, name) {
    const text = needed(value, name);
    if (text !== "strict" && text !== "nostrict") {
      throw new CommandError(`-E ${name}: ${text} is not known (strict and nostrict are)`);
    }
    into.format.strictEncoding = text === "strict";
  },
  hash_seed(into, value, name) {
    const seed = parseUuid(needed(value, name));
    if (seed === undefined) throw new CommandError(`-E ${name}: ${value} is not a UUID`);
    into.format.hashSeed = seed;
  },
};

function readRootOwner(into: ExtendedOptions, value: string | undefined, name: string): void {
  if (value === undefined) {
    into.format.rootUid = Deno.uid() ?? 0;
    into.format.rootGid = Deno.gid() ?? 0;
    return;
  }
  const [uid, gid, ...more] = value.split(":");
  if (uid === undefined || gid === undefined || more.length > 0) {
    throw new CommandError(`-E ${name}: ${value} is not uid:gid`);
  }
  into.format.rootUid = parseNumber(uid, `-E ${name}`, 0, MAX_32);
  into.format.rootGid = parseNumber(gid, `-E ${name}`, 0, MAX_32);
}

function quotaType(text: string): QuotaType {
  const types: Readonly<Record<string, QuotaType>> = {
    usrquota: "user",
    usr: "user",
    user: "user",
    grpquota: "group",
    grp: "group",
    group: "group",
    prjquota: "project",
    prj: "project",
    project: "project",
  };
  const type = Object.hasOwn(types, text) ? types[text] : undefined;
  if (type === undefined) {
    throw new CommandError(`-E quotatype: ${text} is not usrquota, grpquota or prjquota`);
  }
  return type;
}

/** Reads all -E lists. @throws CommandError */
export function parseExtended(lists: readonly string[]): ExtendedOptions {
  const into: ExtendedOptions = { format: {}, offsetBytes: 0, copyXattrs: true };
  for (const [name, value] of lists.flatMap(pairs)) {
    const key = name.replaceAll("-", "_");
    const reader = Object.hasOwn(READERS, key) ? READERS[key] : undefined;
    if (reader === undefined) {
      throw new CommandError(
        `-E ${name} is not known (known are ${Object.keys(READERS).join(", ")})`,
      );
    }
    reader(into, value, name);
  }
  return into;
}

/** What -J says. `device` is a path, still to be opened. */
export interface JournalList {
  readonly options: Mutable<JournalOptions>;
  device: string | undefined;
}

const MEBIBYTE = 1024 * 1024;

/** Reads all -J lists; undefined when there is none. @throws CommandError */
export function parseJournal(lists: readonly string[]): JournalList | undefined {
  if (lists.length === 0) return undefined;
  const into: JournalList = { options: {}, device: undefined };
  for (const [name, value] of lists.flatMap(pairs)) {
    if (value === undefined || value === "") throw new CommandError(`-J ${name} needs a value`);
    if (name === "size") into.options.sizeBytes = sizeIn(value, `-J ${name}`, MEBIBYTE);
    else if (name === "fast_commit_size") {
      into.options.fastCommitBytes = sizeIn(value, `-J ${name}`, 1024);
    } else if (name === "location") into.options.location = parseAmount(value, `-J ${name}`);
    else if (name === "device") into.device = value;
    else {
      throw new CommandError(
        `-J ${name} is not known (known are size, fast_commit_size, location, device)`,
      );
    }
  }
  if (into.device !== undefined && Object.keys(into.options).length > 0) {
    throw new CommandError("-J device excludes the other journal options");
  }
  return into;
}

function sizeIn(text: string, what: string, unitBytes: number): number {
  const size = parseSize(text, what);
  return "bytes" in size ? size.bytes : size.number * unitBytes;
}

function pairs(list: string): [name: string, value: string | undefined][] {
  return list.split(",").filter((item) => item !== "").map((item) => {
    const equals = item.indexOf("=");
    return equals < 0 ? [item, undefined] : [item.slice(0, equals), item.slice(equals + 1)];
  });
}
