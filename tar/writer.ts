/**
 * Writing tar archives: ustar headers, with a pax extended header wherever they cannot say everything
 * (POSIX.1-2017 pax), attributes as `SCHILY.xattr.`, ACLs as `SCHILY.acl.`, holes in GNU's sparse
 * format 1.0. GNU tar, bsdtar and others read it.
 *
 * @module
 */

import { aclToText } from "./acl_text.ts";
import { TAR_BLOCK_BYTES } from "./header.ts";
import type { TarTime, TarType } from "./member.ts";
import { encodePax, formatPaxTime, type PaxRecord } from "./pax.ts";

/** Where the archive goes: all bytes are taken before the call returns. */
export type TarOutput = (bytes: Uint8Array) => void;

/** A run of data in a file. */
export interface DataRange {
  readonly offset: number;
  readonly length: number;
}

/** What is written of a member; the contents of a file come separately. */
export interface TarEntry {
  readonly type: TarType;
  /** Without a leading slash. */
  readonly path: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file, holes included. */
  readonly size: number;
  readonly mtime: TarTime;
  readonly atime: TarTime;
  readonly ctime: TarTime;
  readonly target: Uint8Array;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: readonly (readonly [name: Uint8Array, value: Uint8Array])[];
}

const BLOCKING_BYTES = 20 * TAR_BLOCK_BYTES;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const SLASH = 0x2f;
const ZEROS = new Uint8Array(BLOCKING_BYTES);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const TYPE_FLAGS: Readonly<Record<TarType, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const ACL_KEYS: ReadonlyMap<string, string> = new Map([
  ["system.posix_acl_access", "SCHILY.acl.access"],
  ["system.posix_acl_default", "SCHILY.acl.default"],
]);

/** Writes one archive, member by member. */
export class TarWriter {
  #written = 0;
  /** What the contents of the member being written still lack. */
  #missing = 0;

  constructor(readonly output: TarOutput) {}

  #put(bytes: Uint8Array): void {
    this.#written += bytes.length;
    this.output(bytes);
  }

  #pad(): void {
    const over = this.#written % TAR_BLOCK_BYTES;
    if (over > 0) this.#put(ZEROS.subarray(0, TAR_BLOCK_BYTES - over));
  }

  /**
   * Begins a member. The contents of a file follow by `content`, and `endContent`.
   * @param ranges where a file has data, ascending; undefined for a file without holes.
   */
  member(entry: TarEntry, ranges: readonly DataRange[] | undefined): void {
    const isSparse = entry.type === "file" && ranges !== undefined;
    const records = recordsOf(entry).filter(({ key }) => !isSparse || key !== "path");
    let header = entry;
    let map: Uint8Array | undefined;
    if (entry.type === "file" && ranges !== undefined) {
      map = sparseMap(ranges, entry.size);
      records.push(
        record("GNU.sparse.major", "1"),
        record("GNU.sparse.minor", "0"),
        { key: "GNU.sparse.name", value: entry.path },
        record("GNU.sparse.realsize", String(entry.size)),
      );
      const data = ranges.reduce((sum, { length }) => sum + length, 0);
      header = { ...entry, size: map.length + data, path: sparseName(entry.path) };
      if (header.size > largest(12)) records.push(record("size", String(header.size)));
    } else if (entry.type === "file" && entry.size > largest(12)) {
      records.push(record("size", String(entry.size)));
    }
    this.#paxHeader(entry, records);
    this.#put(headerBlock(header, TYPE_FLAGS[entry.type], header.path));
    this.#missing = entry.type === "file" ? header.size : 0;
    if (map !== undefined) this.content(map);
  }

  #paxHeader(entry: TarEntry, records: readonly PaxRecord[]): void {
    if (records.length === 0) return;
    const body = encodePax(records);
    const plain = { ...entry, size: body.length, mode: 0o644, uid: 0, gid: 0, major: 0, minor: 0 };
    const path = encoder.encode(`./PaxHeaders/${decoder.decode(lastName(entry.path))}`);
    this.#put(headerBlock({ ...plain, target: new Uint8Array(0) }, "x", path));
    this.#put(body);
    this.#pad();
  }

  /** The next bytes of a file's data, holes left out. */
  content(bytes: Uint8Array): void {
    if (bytes.length > this.#missing) throw new RangeError("more content than the header tells of");
    this.#missing -= bytes.length;
    this.#put(bytes);
  }

  /** Ends the contents of a file; what is missing is made up with zeros. */
  endContent(): void {
    for (; this.#missing > 0; this.#missing -= Math.min(this.#missing, ZEROS.length)) {
      this.#put(ZEROS.subarray(0, Math.min(this.#missing, ZEROS.length)));
    }
    this.#pad();
  }

  /** Ends the archive. */
  finish(): void {
    this.#put(ZEROS.subarray(0, 2 * TAR_BLOCK_BYTES));
    const over = this.#written % BLOCKING_BYTES;
    if (over > 0) this.#put(ZEROS.subarray(0, BLOCKING_BYTES - over));
  }
}

function record(key: string, value: string): PaxRecord {
  return { key, value: encoder.encode(value) };
}

/** The largest octal number in a field of so many bytes, one of which is a NUL. */
function largest(bytes: number): number {
  return 8 ** (bytes - 1) - 1;
}

/** What the header of a member cannot say. */
function recordsOf(entry: TarEntry): PaxRecord[] {
  const { path, target, uid, gid, mtime, type } = entry;
  const records: PaxRecord[] = [];
  if (splitPath(path) === undefined) records.push({ key: "path", value: path });
  if (target.length > NAME_BYTES) records.push({ key: "linkpath", value: target });
  if (uid > largest(8)) records.push(record("uid", String(uid)));
  if (gid > largest(8)) records.push(record("gid", String(gid)));
  if (type === "character" || type === "block") {
    const { major, minor } = entry;
    if (major > largest(8)) records.push(record("SCHILY.devmajor", String(major)));
    if (minor > largest(8)) records.push(record("SCHILY.devminor", String(minor)));
  }
  if (mtime.nanoseconds !== 0 || mtime.seconds < 0 || mtime.seconds > largest(12)) {
    records.push(record("mtime", formatPaxTime(mtime)));
  }
  records.push(record("atime", formatPaxTime(entry.atime)));
  records.push(record("ctime", formatPaxTime(entry.ctime)));
  for (const [name, value] of entry.xattrs) records.push(xattrRecord(decoder.decode(name), value));
  return records;
}

function xattrRecord(name: string, value: Uint8Array): PaxRecord {
  const aclKey = ACL_KEYS.get(name);
  const acl = aclKey === undefined ? undefined : aclToText(value);
  if (aclKey !== undefined && acl !== undefined) return record(aclKey, acl);
  if (name === "security.selinux") {
    const end = value.at(-1) === 0 ? value.length - 1 : value.length;
    return { key: "RHT.security.selinux", value: value.subarray(0, end) };
  }
  const escaped = name.replaceAll("%", "%25").replaceAll("=", "%3D");
  return { key: `SCHILY.xattr.${escaped}`, value };
}

/** Prefix and name of a ustar header; undefined when it has no room. */
function splitPath(path: Uint8Array): readonly [Uint8Array, Uint8Array] | undefined {
  if (path.length <= NAME_BYTES) return [path.subarray(0, 0), path];
  for (let at = Math.min(PREFIX_BYTES, path.length - 2); at > 0; at--) {
    if (path[at] !== SLASH) continue;
    if (path.length - at - 1 > NAME_BYTES) return undefined;
    return [path.subarray(0, at), path.subarray(at + 1)];
  }
  return undefined;
}

function lastName(path: Uint8Array): Uint8Array {
  const end = path.at(-1) === SLASH ? path.length - 1 : path.length;
  const name = path.subarray(0, end);
  return name.subarray(name.lastIndexOf(SLASH) + 1).subarray(0, 64);
}

/** The name that programs see which know nothing of sparse files. */
function sparseName(path: Uint8Array): Uint8Array {
  return encoder.encode(`./GNUSparseFile.0/${decoder.decode(lastName(path))}`);
}

/** The map of format 1.0: decimal numbers, one a line, padded to a block. */
function sparseMap(ranges: readonly DataRange[], size: number): Uint8Array {
  const last = ranges.at(-1);
  // A hole at the end is told by an empty run behind it.
  const end = last === undefined || last.offset + last.length < size
    ? [{ offset: size, length: 0 }]
    : [];
  const runs = [...ranges, ...end];
  const lines = runs.map(({ offset, length }) => `${offset}\n${length}\n`).join("");
  const text = encoder.encode(`${runs.length}\n${lines}`);
  const map = new Uint8Array(Math.ceil(text.length / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES);
  map.set(text);
  return map;
}

/** The block of a header; what has no room is cut off, an extended header tells it. */
function headerBlock(
  entry: TarEntry,
  flag: string,
  path: Uint8Array,
): Uint8Array {
  const block = new Uint8Array(TAR_BLOCK_BYTES);
  const number = (at: number, bytes: number, value: number): void => {
    const digits = Math.max(0, Math.min(value, largest(bytes))).toString(8);
    block.set(encoder.encode(digits.padStart(bytes - 1, "0")), at);
  };
  const [prefix, name] = splitPath(path) ?? [path.subarray(0, 0), path.subarray(0, NAME_BYTES)];
  block.set(name);
  number(100, 8, entry.mode & 0o7777);
  number(108, 8, entry.uid);
  number(116, 8, entry.gid);
  number(124, 12, entry.type === "file" || flag === "x" ? entry.size : 0);
  number(136, 12, entry.mtime.seconds);
  block.set(encoder.encode(flag), 156);
  block.set(entry.target.subarray(0, NAME_BYTES), 157);
  block.set(encoder.encode("ustar\u000000"), 257);
  number(329, 8, entry.major);
  number(337, 8, entry.minor);
  block.set(prefix, 345);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return block;
}
