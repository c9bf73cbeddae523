/**
 * The options of mkfs that say what goes into the image, and what lies around it.
 *
 * @module
 */

import type { FilterOptions } from "../../build/filter.ts";
import type { IdMap, OwnerOptions } from "../../build/owners.ts";
import type { Headroom } from "../../build/size.ts";
import { parseBytes, parseNumber } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine, OptionSpec } from "../shared/command_line.ts";

export const BUILD_OPTIONS: readonly OptionSpec[] = [
  {
    name: "from",
    value: "SOURCE",
    help: "fill it from a directory, a tar archive (plain, gzip, zstd) or - for one on standard " +
      "input; several are laid over each other, with the whiteouts of OCI layers",
  },
  { name: "size", value: "SIZE", help: "as the operand SIZE; auto: as large as needed" },
  {
    name: "headroom",
    value: "SIZE",
    help: "with --size auto: free space to leave, 64M or 10% (the default) of the content",
  },
  { name: "minimize", help: "make the smallest image that holds everything" },
  { name: "exclude", value: "PATTERN", help: "leave out what matches, with everything below" },
  { name: "include", value: "PATTERN", help: "take what matches; alone: take nothing else" },
  { name: "owner", value: "UID:GID", help: "everything belongs to these" },
  { name: "map-users", value: "FROM:TO[:COUNT]", help: "user ids in the image for those found" },
  { name: "map-groups", value: "FROM:TO[:COUNT]", help: "the same for groups" },
  { name: "extra", value: "FILE", help: "table of extra files, modes and devices" },
  { name: "lenient", help: "take archives with absolute or repeated names, or without an end" },
  {
    name: "reproducible",
    help: "the same sources give the same bytes; SOURCE_DATE_EPOCH does so, too, and sets the time",
  },
  { name: "sparse", help: "leave holes in the image file where files hold zeros" },
  { name: "manifest", value: "FILE", help: "write what went in as JSON" },
  { name: "verify", help: "read the image back and compare it with the sources" },
  { name: "offset", value: "BYTES", help: "where the file system begins: 1M" },
  { name: "gpt", help: "make a disk: a partition table, and the file system in its partition" },
];

/** What goes in, and how. */
export interface BuildRequest extends FilterOptions, OwnerOptions {
  readonly from: readonly string[];
  readonly extraFiles: readonly string[];
  /** The size is computed. */
  readonly sizing:
    | { readonly minimize: boolean; readonly headroom: Headroom | undefined }
    | undefined;
  /** --size with a number. */
  readonly sizeBytes: number | undefined;
  readonly offsetBytes: number | undefined;
  readonly lenient: boolean;
  readonly reproducible: boolean;
  readonly sparse: boolean;
  readonly manifest: string | undefined;
  readonly verify: boolean;
  readonly gpt: boolean;
}

const MAX_ID = 0xfffffffe;

/** @param unitBytes of sizes without a suffix. @throws CommandError */
export function readBuild(line: CommandLine, unitBytes: number): BuildRequest {
  const from = [...line.all("d"), ...line.all("from")];
  const size = line.last("size");
  const automatic = size === "auto" || line.has("minimize");
  const request: BuildRequest = {
    from,
    extraFiles: line.all("extra"),
    sizing: readSizing(line, automatic),
    sizeBytes: size === undefined || size === "auto"
      ? undefined
      : parseBytes(size, "--size", unitBytes),
    offsetBytes: readOffset(line),
    lenient: line.has("lenient"),
    reproducible: line.has("reproducible"),
    sparse: line.has("sparse"),
    manifest: line.last("manifest"),
    verify: line.has("verify"),
    gpt: line.has("gpt"),
    exclude: line.all("exclude"),
    include: line.all("include"),
    ...readOwner(line.last("owner")),
    mapUsers: line.all("map-users").map((text) => readMap(text, "--map-users")),
    mapGroups: line.all("map-groups").map((text) => readMap(text, "--map-groups")),
  };
  checkBuild(line, request);
  return request;
}

/** Options that mean nothing in an empty image. */
const NEED_CONTENT = [
  "headroom",
  "minimize",
  "exclude",
  "include",
  "owner",
  "map-users",
  "map-groups",
  "lenient",
  "manifest",
  "verify",
];

function checkBuild(line: CommandLine, request: BuildRequest): void {
  const hasContent = request.from.length + request.extraFiles.length > 0;
  const useless = NEED_CONTENT.find((name) => line.has(name));
  if (!hasContent && useless !== undefined) {
    throw new CommandError(`--${useless} needs something to put in (--from, --extra)`);
  }
  if (!hasContent && request.sizing !== undefined) {
    throw new CommandError("--size auto needs something to put in (--from, --extra)");
  }
  if (request.from.filter((source) => source === "-").length > 1) {
    throw new CommandError("--from - can be given once: there is one standard input");
  }
  if (request.gpt && (request.offsetBytes !== undefined || hasExtendedOffset(line))) {
    throw new CommandError("--gpt decides itself where the file system begins: no --offset");
  }
  if (line.has("minimize") && line.has("headroom")) {
    throw new CommandError("--minimize leaves no headroom: use --size auto");
  }
  if (line.has("minimize") && line.last("size") !== undefined && line.last("size") !== "auto") {
    throw new CommandError("--minimize computes the size: no --size");
  }
}

function readSizing(line: CommandLine, automatic: boolean): BuildRequest["sizing"] {
  const text = line.last("headroom");
  const headroom = text === undefined ? undefined : readHeadroom(text);
  if (automatic) return { minimize: line.has("minimize"), headroom };
  if (headroom !== undefined && line.last("size") !== undefined) {
    throw new CommandError("--headroom is for --size auto");
  }
  return headroom === undefined ? undefined : { minimize: false, headroom };
}

function readHeadroom(text: string): Headroom {
  const match = /^(\d{1,7}(?:\.\d+)?)%$/.exec(text);
  if (match !== null) return { percent: Number(match[1]) };
  return { bytes: parseBytes(text, "--headroom", 1024) };
}

function readOffset(line: CommandLine): number | undefined {
  const text = line.last("offset");
  if (text === undefined) return undefined;
  if (hasExtendedOffset(line)) {
    throw new CommandError("the offset is given twice: by --offset and by -E offset");
  }
  return parseBytes(text, "--offset", 1);
}

function hasExtendedOffset(line: CommandLine): boolean {
  return line.all("E").some((list) => /(^|,)offset=/.test(list));
}

function readOwner(text: string | undefined): Pick<OwnerOptions, "owner"> {
  if (text === undefined) return {};
  const [uid, gid, ...more] = text.split(":");
  if (uid === undefined || gid === undefined || more.length > 0) {
    throw new CommandError(`--owner: ${text} is not UID:GID`);
  }
  return {
    owner: {
      uid: parseNumber(uid, "--owner", 0, MAX_ID),
      gid: parseNumber(gid, "--owner", 0, MAX_ID),
    },
  };
}

function readMap(text: string, option: string): IdMap {
  const [from, to, count = "1", ...more] = text.split(":");
  if (from === undefined || to === undefined || more.length > 0) {
    throw new CommandError(`${option}: ${text} is not FROM:TO or FROM:TO:COUNT`);
  }
  const map = {
    from: parseNumber(from, option, 0, MAX_ID),
    to: parseNumber(to, option, 0, MAX_ID),
    count: parseNumber(count, option, 1, MAX_ID + 1),
  };
  if (Math.max(map.from, map.to) + map.count - 1 > MAX_ID) {
    throw new CommandError(`${option}: ${text} reaches beyond ${MAX_ID}`);
  }
  return map;
}
