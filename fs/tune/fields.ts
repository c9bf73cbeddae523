/**
 * Fields that stand in the superblock alone.
 *
 * @module
 */

import { EINVAL } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { HashVersion } from "../layout/dir_hash.ts";
import { FLAG_TEST, STATE_VALID, type Superblock } from "../layout/superblock.ts";
import type { TuneOptions } from "./options.ts";

/** Bits of s_default_mount_opts by name. */
const MOUNT_OPTION_BITS: Readonly<Record<string, number>> = {
  debug: 0x1,
  bsdgroups: 0x2,
  user_xattr: 0x4,
  acl: 0x8,
  uid16: 0x10,
  journal_data: 0x20,
  journal_data_ordered: 0x40,
  journal_data_writeback: 0x60,
  nobarrier: 0x100,
  block_validity: 0x200,
  discard: 0x400,
  nodelalloc: 0x800,
};
/** The data modes are values of one field. */
const JOURNAL_DATA_MASK = 0x60;

const HASHES = {
  legacy: HashVersion.LEGACY,
  half_md4: HashVersion.HALF_MD4,
  tea: HashVersion.TEA,
} as const;
const ERRORS = { "continue": 1, "remount-ro": 2, "panic": 3 } as const;

/** Setters by option, for what is given. */
const SETTERS: { [Key in keyof TuneOptions]?: (s: Superblock, v: never) => void } = {
  label: (s, v: string) => s.label = fitting(v, 16, "the label"),
  lastMounted: (s, v: string) => s.lastMounted = fitting(v, 64, "the last mount point"),
  mountOptions: (s, v: string) => s.mountOptions = fitting(v, 63, "mount_opts"),
  mountCount: (s, v: number) => s.mountCount = within(v, 0, 0xffff, "the mount count"),
  maxMountCount: (s, v: number) =>
    s.maxMountCount = within(v, -1, 0x7fff, "the number of mounts between checks"),
  checkInterval: (s, v: number) =>
    s.checkInterval = within(v, 0, 0xffffffff, "the time between checks"),
  lastChecked: (s, v: number) => {
    s.lastCheckLo = within(v, 0, 0xffffffffff, "the time of the last check") >>> 0;
    s.lastCheckHi = Math.floor(v / 0x100000000);
  },
  errors: (s, v: keyof typeof ERRORS) => s.errorsBehavior = ERRORS[v],
  reservedUid: (s, v: number) => s.defaultReservedUid = within(v, 0, 0xffff, "the user"),
  reservedGid: (s, v: number) => s.defaultReservedGid = within(v, 0, 0xffff, "the group"),
  reservedBlocks: (s, v: number) => setReserved(s, v),
  reservedPercent: (s, v: number) => {
    if (!(v >= 0 && v <= 50)) throw refuse(`${v} percent are not 0 to 50`);
    setReserved(s, Math.floor(v * s.blocksCount / 100));
  },
  raidStride: (s, v: number) => s.raidStride = within(v, 0, 0xffff, "stride"),
  raidStripeWidth: (s, v: number) => s.raidStripeWidth = within(v, 0, 0xffffffff, "stripe_width"),
  hash: (s, v: keyof typeof HASHES) => s.defaultHashVersion = HASHES[v],
  forceCheck: (s, v: boolean) => {
    if (v) s.state &= ~STATE_VALID;
  },
  testFileSystem: (s, v: boolean) =>
    s.flags = (v ? s.flags | FLAG_TEST : s.flags & ~FLAG_TEST) >>> 0,
  defaultMountOptions: (s, v: readonly string[]) => v.forEach((name) => setMountOption(s, name)),
};

/** Sets the fields that were given. @throws Unsupported EINVAL; the superblock is to be thrown away then. */
export function setFields(superblock: Superblock, options: TuneOptions): void {
  for (const key of Object.keys(SETTERS) as (keyof TuneOptions)[]) {
    const value = options[key];
    if (value !== undefined) SETTERS[key]?.(superblock, value as never);
  }
}

/** Whether anything besides the superblock is asked for. */
export function onlyFields(options: TuneOptions): boolean {
  return (Object.keys(options) as (keyof TuneOptions)[]).every((key) =>
    options[key] === undefined || SETTERS[key] !== undefined
  );
}

function setReserved(superblock: Superblock, blocks: number): void {
  const most = Math.floor(superblock.blocksCount / 2);
  if (!Number.isSafeInteger(blocks) || blocks < 0 || blocks > most) {
    throw refuse(`${blocks} reserved blocks are not 0 to ${most}`);
  }
  superblock.reservedBlocksCount = blocks;
}

function setMountOption(superblock: Superblock, text: string): void {
  const clear = text.startsWith("^");
  const name = clear ? text.slice(1) : text;
  const bits = Object.hasOwn(MOUNT_OPTION_BITS, name) ? MOUNT_OPTION_BITS[name] : undefined;
  if (bits === undefined) throw refuse(`there is no default mount option ${name}`);
  const isData = (bits & JOURNAL_DATA_MASK) !== 0;
  const old = superblock.defaultMountOptions;
  const rest = old & ~(isData ? JOURNAL_DATA_MASK : bits);
  superblock.defaultMountOptions = (clear ? rest : rest | bits) >>> 0;
}

function fitting(text: string, bytes: number, what: string): string {
  if (new TextEncoder().encode(text).length > bytes || text.includes("\0")) {
    throw refuse(`${what} is longer than ${bytes} bytes`);
  }
  return text;
}

function within(value: number, low: number, high: number, what: string): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw refuse(`${what} is ${value}, not ${low} to ${high}`);
}

function refuse(message: string): Unsupported {
  return new Unsupported(EINVAL, message);
}
