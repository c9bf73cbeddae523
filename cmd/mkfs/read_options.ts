/**
 * From the command line of mkfs to the options of a format.
 *
 * @module
 */

import type { FileSystemType, FormatOptions } from "../../fs/mkfs/options.ts";
import { parseBytes, parseNumber, parseSize } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { parseUuid, timeUuid } from "../shared/uuid.ts";
import { type BuildRequest, readBuild } from "./build_options.ts";
import { parseExtended, parseJournal } from "./extended_options.ts";

/** What mkfs was asked to do. */
export interface Request {
  readonly path: string;
  /** SIZE in bytes, if given. */
  readonly sizeBytes: number | undefined;
  readonly offsetBytes: number;
  readonly format: FormatOptions;
  readonly journalDevice: string | undefined;
  readonly badBlocksFile: string | undefined;
  /** 0: no scan, 1: read, 2: write and read. */
  readonly scan: number;
  readonly directIo: boolean;
  /** What is to be put in. */
  readonly build: BuildRequest;
  readonly copyXattrs: boolean;
  /** How often -F was given. */
  readonly force: number;
  readonly dryRun: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

const MAX_32 = 0xffffffff;
const LABEL_BYTES = 16;
const LAST_MOUNTED_BYTES = 64;

/** @throws CommandError */
export function readRequest(line: CommandLine): Request {
  const [path, size, ...more] = line.operands;
  if (path === undefined) throw new CommandError("no device was named (mkfs --help explains)");
  if (more.length > 0) throw new CommandError(`superfluous operand ${more[0]}`);
  if (line.has("z")) {
    throw new CommandError("-z: undo files are not written; keep a copy of the image instead");
  }
  const block = readBlockSize(line);
  const extended = parseExtended(line.all("E"));
  const journal = parseJournal(line.all("J"));
  const base = readBasics(line);
  const format: FormatOptions = {
    ...base,
    ...block,
    ...extended.format,
    ...(journal === undefined ? {} : { journal: journal.options }),
    ...(journal === undefined && line.has("j") ? { journal: true } : {}),
    ...(line.has("S") ? { superblockOnly: true } : {}),
  };
  const unit = block.blockBytes ?? 1024;
  const build = readBuild(line, unit);
  if (size !== undefined && build.sizing !== undefined) {
    throw new CommandError("SIZE is given twice: as an operand and by --size or --minimize");
  }
  return {
    path,
    sizeBytes: size === undefined ? build.sizeBytes : readSize(size, unit),
    offsetBytes: build.offsetBytes ?? extended.offsetBytes,
    format: line.last("U")?.toLowerCase() === "random" ? withRandomUuid(format) : format,
    journalDevice: journal?.device,
    badBlocksFile: line.last("l"),
    scan: Math.min(2, line.count("c")),
    directIo: line.has("D"),
    build,
    copyXattrs: extended.copyXattrs,
    force: line.count("F"),
    dryRun: line.has("n"),
    quiet: line.has("q"),
    verbose: line.has("v"),
    json: line.has("json"),
  };
}

/** A UUID that was asked to be random is, even in an image that is reproducible otherwise. */
function withRandomUuid(format: FormatOptions): FormatOptions {
  const uuid = parseUuid(crypto.randomUUID());
  return uuid === undefined ? format : { ...format, uuid };
}

function readSize(text: string, unitBytes: number): number {
  const bytes = parseBytes(text, "SIZE", unitBytes);
  if (bytes === 0) throw new CommandError(`SIZE: ${text} is nothing`);
  return bytes;
}

function readBlockSize(line: CommandLine): Pick<FormatOptions, "blockBytes" | "minimumBlockBytes"> {
  const text = line.last("b");
  if (text === undefined) return {};
  const lower = text.startsWith("-");
  const bytes = parseBytes(lower ? text.slice(1) : text, "-b", 1);
  if (bytes < 1024 || bytes > 65536 || (bytes & (bytes - 1)) !== 0) {
    throw new CommandError(`-b: block size ${text} is not a power of two from 1024 to 65536`);
  }
  return lower ? { minimumBlockBytes: bytes } : { blockBytes: bytes };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Letters with a value that goes into one option. */
const LETTERS: Readonly<
  Record<string, (into: Mutable<FormatOptions>, text: string) => void>
> = {
  C: (into, text) => into.clusterBytes = parseBytes(text, "-C", 1),
  e: (into, text) => into.errors = errorsBehavior(text),
  g: (into, text) => into.blocksPerGroup = parseNumber(text, "-g", 8, MAX_32),
  G: (into, text) => into.groupsPerFlex = parseNumber(text, "-G", 1, 2 ** 31),
  i: (into, text) => into.inodeRatioBytes = parseBytes(text, "-i", 1),
  I: (into, text) => into.inodeBytes = parseNumber(text, "-I", 1, 65536),
  L: (into, text) => into.label = limited(text, "-L", LABEL_BYTES),
  m: (into, text) => into.reservedPercent = percentage(text),
  M: (into, text) => into.lastMounted = limited(text, "-M", LAST_MOUNTED_BYTES),
  N: (into, text) => into.inodes = parseNumber(text, "-N", 1, MAX_32),
  o: (into, text) => into.creatorOs = creatorOs(text),
  r: (into, text) => into.revision = parseNumber(text, "-r", 0, 1) === 0 ? 0 : 1,
  t: (into, text) => into.type = fileSystemType(text),
  T: (into, text) => into.usage = text.split(",").filter((name) => name !== ""),
  U: (into, text) => into.uuid = uuid(text),
};

function readBasics(line: CommandLine): FormatOptions {
  const into: Mutable<FormatOptions> = {};
  for (const [letter, read] of Object.entries(LETTERS)) {
    const text = line.last(letter);
    if (text !== undefined) read(into, text);
  }
  const features = line.all("O").flatMap((list) => list.split(/[\s,]+/));
  if (features.length > 0) into.features = features.filter((name) => name !== "");
  for (const letter of ["t", "T"]) {
    if (line.count(letter) > 1) throw new CommandError(`-${letter} may be given once only`);
  }
  return into;
}

function errorsBehavior(text: string): "continue" | "remount-ro" | "panic" {
  if (text === "continue" || text === "remount-ro" || text === "panic") return text;
  throw new CommandError(`-e: ${text} is not continue, remount-ro or panic`);
}

function limited(text: string, option: string, bytes: number): string {
  const length = new TextEncoder().encode(text).length;
  if (length > bytes) {
    throw new CommandError(`${option}: ${text} has ${length} bytes; there is room for ${bytes}`);
  }
  return text;
}

function percentage(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 50)) throw new CommandError(`-m: ${text} is not a percentage from 0 to 50`);
  return value;
}

function creatorOs(text: string): number {
  const systems: Readonly<Record<string, number>> = {
    linux: 0,
    hurd: 1,
    gnu: 1,
    masix: 2,
    freebsd: 3,
    lites: 4,
  };
  const name = text.toLowerCase();
  if (Object.hasOwn(systems, name)) return systems[name] ?? 0;
  if (/^\d+$/.test(text)) return parseNumber(text, "-o", 0, MAX_32);
  throw new CommandError(`-o: ${text} is not known (linux, hurd, masix, freebsd, lites are)`);
}

function fileSystemType(text: string): FileSystemType {
  if (text === "ext2" || text === "ext3" || text === "ext4") return text;
  throw new CommandError(`-t: ${text} is not ext2, ext3 or ext4`);
}

function uuid(text: string): Uint8Array | undefined {
  const name = text.toLowerCase();
  if (name === "random") return undefined;
  if (name === "clear" || name === "null") return new Uint8Array(16);
  if (name === "time") return timeUuid();
  const bytes = parseUuid(text);
  if (bytes === undefined) {
    throw new CommandError(`-U: ${text} is not a UUID, random, time or clear`);
  }
  return bytes;
}

/** Numbers of bad blocks, one a line. @throws CommandError */
export function parseBadBlocks(text: string, file: string): number[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").map((line) => {
    const size = parseSize(line, `-l ${file}`);
    if ("bytes" in size) throw new CommandError(`-l ${file}: ${line} is not a block number`);
    return size.number;
  });
}
