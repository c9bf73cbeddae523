/**
 * The options of `kfsctl tune`, with tune2fs's letters.
 *
 * @module
 */

import type { TuneChanges } from "../../mod.ts";
import { parseBytes, parseNumber, parseSize } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine, OptionSpec } from "../shared/command_line.ts";
import { parseUuid, timeUuid } from "../shared/uuid.ts";

type Changes = { -readonly [Key in keyof TuneChanges]: TuneChanges[Key] };
type Reader = (into: Changes, value: string) => void;

const MIB = 1 << 20;
const MAX_32 = 0xffffffff;
const DAY = 24 * 60 * 60;
const INTERVALS: Readonly<Record<string, number>> = {
  "": DAY,
  s: 1,
  d: DAY,
  w: 7 * DAY,
  m: 30 * DAY,
};

/** An option, and what its value changes. */
interface TuneOption extends OptionSpec {
  readonly letter: string;
  readonly read: Reader;
}

const OPTIONS: readonly TuneOption[] = [
  {
    letter: "L",
    value: "LABEL",
    help: "label, up to 16 bytes",
    read: (c, v) => c.label = v,
  },
  {
    letter: "U",
    value: "UUID",
    help: "UUID; random, time (made now) or clear",
    read: (c, v) => c.uuid = uuidOf(v),
  },
  {
    letter: "m",
    value: "PERCENT",
    help: "of the blocks for the superuser, 0 to 50",
    read: (c, v) => c.reservedPercent = percentOf(v),
  },
  {
    letter: "r",
    value: "BLOCKS",
    help: "as a number of blocks",
    read: (c, v) => c.reservedBlocks = parseNumber(v, "-r"),
  },
  {
    letter: "u",
    value: "USER",
    help: "who may use them, too: a number",
    read: (c, v) => c.reservedUid = parseNumber(v, "-u", 0, 0xffff),
  },
  {
    letter: "g",
    value: "GROUP",
    help: "the group that may use them: a number",
    read: (c, v) => c.reservedGid = parseNumber(v, "-g", 0, 0xffff),
  },
  {
    letter: "c",
    value: "MOUNTS",
    help: "mounts between checks; -1 or 0: never",
    read: (c, v) => c.maxMountCount = v === "-1" ? -1 : parseNumber(v, "-c", 0, 0x7fff) || -1,
  },
  {
    letter: "C",
    value: "MOUNTS",
    help: "mounts since the last check",
    read: (c, v) => c.mountCount = parseNumber(v, "-C", 0, 0xffff),
  },
  {
    letter: "i",
    value: "TIME",
    help: "between checks: days, or with s, d, w, m (30 days); 0: any",
    read: (c, v) => c.checkInterval = intervalOf(v),
  },
  {
    letter: "T",
    value: "TIME",
    help: "of the last check: now, seconds since 1970, or YYYYMMDD[HHMM[SS]]",
    read: (c, v) => c.lastChecked = timeOf(v),
  },
  {
    letter: "e",
    value: "WHAT",
    help: "after an error: continue, remount-ro or panic",
    read: (c, v) => c.errors = oneOf("-e", v, ["continue", "remount-ro", "panic"]),
  },
  {
    letter: "o",
    value: "LIST",
    help: "default mount options, ^ clears: acl, user_xattr, journal_data, …",
    read: (c, v) => c.defaultMountOptions = [...c.defaultMountOptions ?? [], ...listOf(v)],
  },
  {
    letter: "M",
    value: "PATH",
    help: "where it was mounted last",
    read: (c, v) => c.lastMounted = v,
  },
  {
    letter: "O",
    value: "LIST",
    help: "features, ^ clears",
    read: (c, v) => c.features = [...c.features ?? [], ...listOf(v)],
  },
  {
    letter: "Q",
    value: "LIST",
    help: "quotas to keep, ^ gives up: usrquota, grpquota, prjquota",
    read: (c, v) => c.quotas = [...c.quotas ?? [], ...listOf(v)],
  },
  {
    letter: "J",
    value: "size=SIZE",
    help: "of a journal that is added: MiB, or with a suffix",
    read: (c, v) => c.journalBytes = journalSize(v),
  },
  {
    letter: "E",
    value: "LIST",
    help:
      "stride=N, stripe_width=N, hash_alg=NAME, mount_opts=TEXT, force_fsck, test_fs, ^test_fs,\n" +
      "mmp_update_interval=S, clear_mmp, orphan_file_size=SIZE, encoding_flags=strict|^strict",
    read: (c, v) => splitExtended(v).forEach((text) => readExtended(c, text)),
  },
];

export const TUNE_OPTIONS: readonly OptionSpec[] = [
  ...OPTIONS,
  { letter: "j", help: "add a journal (as -O has_journal)" },
];

/** The changes that a command line asks for. @throws CommandError */
export function changesOf(line: CommandLine): TuneChanges {
  const changes: Changes = {};
  for (const { letter, read } of OPTIONS) {
    for (const value of line.all(letter)) read(changes, value);
  }
  if (line.has("j")) changes.features = [...changes.features ?? [], "has_journal"];
  if (changes.reservedBlocks !== undefined && changes.reservedPercent !== undefined) {
    throw new CommandError("only one of -m and -r");
  }
  return changes;
}

function listOf(text: string): string[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  if (words.length === 0) throw new CommandError("an empty list");
  return words;
}

function uuidOf(text: string): Uint8Array {
  if (text === "clear") return new Uint8Array(16);
  if (text === "time") return timeUuid();
  if (text === "random") return parseUuid(crypto.randomUUID()) ?? new Uint8Array(16);
  const uuid = parseUuid(text);
  if (uuid === undefined) throw new CommandError(`-U: ${text} is no UUID, random, time or clear`);
  return uuid;
}

function percentOf(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 50)) throw new CommandError(`-m: ${text} is not a percentage, 0 to 50`);
  return value;
}

function intervalOf(text: string): number {
  const match = /^(\d+)([sdwm]?)$/.exec(text);
  const seconds = Number(match?.[1]) * (INTERVALS[match?.[2] ?? ""] ?? 0);
  if (match === null || seconds > MAX_32) throw new CommandError(`-i: ${text} is no time`);
  return seconds;
}

function timeOf(text: string): number {
  if (text === "now") return Math.floor(Date.now() / 1000);
  const digits = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?$/.exec(text);
  if (digits === null) return parseNumber(text, "-T", 0, 0xffffffffff);
  const [year, month, day, hour, minute, second] = digits.slice(1).map((d) => Number(d ?? 0));
  const time = new Date(
    Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second),
  );
  if (time.getUTCDate() !== day) throw new CommandError(`-T: ${text} is no day`);
  return Math.floor(time.getTime() / 1000);
}

function oneOf<const Choice extends string>(
  option: string,
  text: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) {
    throw new CommandError(`${option}: ${text} is none of ${choices.join(", ")}`);
  }
  return found;
}

function journalSize(text: string): number {
  const match = /^size=(.+)$/.exec(text);
  if (match?.[1] === undefined) throw new CommandError("-J: wanted: size=SIZE");
  return parseBytes(match[1], "-J size", MIB);
}

/** At commas; what follows `mount_opts=` is one text to the end. */
function splitExtended(text: string): string[] {
  const at = text.search(/(^|,)mount_opts=/);
  if (at < 0) return listOf(text);
  const start = text[at] === "," ? at + 1 : at;
  return [...text.slice(0, at).split(",").filter((word) => word !== ""), text.slice(start)];
}

const EXTENDED: Readonly<Record<string, Reader>> = {
  stride: (c, v) => c.raidStride = parseNumber(v, "-E stride", 0, 0xffff),
  stripe_width: (c, v) => c.raidStripeWidth = parseNumber(v, "-E stripe_width", 0, MAX_32),
  hash_alg: (c, v) => c.hash = oneOf("-E hash_alg", v, ["legacy", "half_md4", "tea"]),
  mount_opts: (c, v) => c.mountOptions = v,
  mmp_update_interval: (c, v) => c.mmpInterval = parseNumber(v, "-E mmp_update_interval", 0, 300),
  orphan_file_size: (c, v) => {
    const size = parseSize(v, "-E orphan_file_size");
    if (!("bytes" in size)) throw new CommandError("-E orphan_file_size: with a suffix: 128k");
    c.orphanFileBytes = size.bytes;
  },
  encoding_flags: (c, v) => {
    c.strictEncoding = oneOf("-E encoding_flags", v, ["strict", "^strict"]) === "strict";
  },
};

const EXTENDED_FLAGS: Readonly<Record<string, (into: Changes) => void>> = {
  force_fsck: (c) => c.forceCheck = true,
  test_fs: (c) => c.testFileSystem = true,
  "^test_fs": (c) => c.testFileSystem = false,
  clear_mmp: (c) => c.clearMmp = true,
};

function readExtended(into: Changes, text: string): void {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  const flag = Object.hasOwn(EXTENDED_FLAGS, name) ? EXTENDED_FLAGS[name] : undefined;
  if (flag !== undefined && equals < 0) return flag(into);
  const reader = Object.hasOwn(EXTENDED, name) ? EXTENDED[name] : undefined;
  if (reader === undefined || equals < 0) throw new CommandError(`-E: ${text} is not known`);
  reader(into, text.slice(equals + 1));
}
