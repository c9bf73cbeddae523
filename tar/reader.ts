/**
 * Reading tar archives. Our own reader, because none on npm keeps everything: node-tar and tar-stream
 * drop holes (GNU sparse files become whole ones, or are refused), tell attributes only as raw pax
 * text, and take names for UTF-8; and a file system image wants the contents to stay where they are
 * until their blocks are chosen.
 *
 * The reader is a generator that asks for bytes: so the same code reads a file by seeking and a stream
 * as it comes.
 *
 * @module
 */

import { TarError } from "./error.ts";
import { Extended } from "./extended.ts";
import { TAR_BLOCK_BYTES, TarHeader } from "./header.ts";
import type { TarMember, TarPart, TarTime, TarType } from "./member.ts";
import { parsePax, type PaxRecord } from "./pax.ts";
import { MapReader, partsOf, runsOfPax } from "./sparse.ts";

/** What the reader wants next. */
export type TarRequest =
  /** Hand over this many bytes, fewer only at the end of the archive. */
  | { readonly want: "bytes"; readonly bytes: number }
  /** Keep the next bytes; answer with nothing. `stored` tells where they will lie. */
  | { readonly want: "store"; readonly bytes: number }
  /** Pass over the next bytes; answer with nothing. */
  | { readonly want: "skip"; readonly bytes: number };

/** Who reads an archive. */
export interface TarVisitor {
  /** Where the next bytes that are kept will lie. */
  stored(): number;
  /** A member is complete. */
  member(member: TarMember): void;
  /** Something was passed over. */
  warn(message: string): void;
}

/** How strict the reader is. */
export interface TarReaderOptions {
  /** Take an archive that ends without its two blocks of zeros. */
  readonly lenient?: boolean;
}

/** The reader at work. */
export type TarParse = Generator<TarRequest, void, Uint8Array>;
type Step<T> = Generator<TarRequest, T, Uint8Array>;

/** Largest extended header: names of 64 KiB and a few attributes of 64 KiB fit many times. */
const MAX_EXTENDED_BYTES = 16 << 20;
/** What ext4 can hold of one file with the largest blocks, roughly. */
const MAX_FILE_BYTES = 2 ** 48;
const PIECE_BYTES = 1 << 20;

/** Types by the character in the header; files have several. */
const TYPES: Readonly<Record<string, TarType>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  D: "directory",
  "6": "fifo",
};

/** Reads an archive. @throws TarError */
export function* readTar(visitor: TarVisitor, options: TarReaderOptions = {}): TarParse {
  yield* new Reader(visitor, options).run();
}

class Reader {
  #offset = 0;
  /** Records of the type g: for all members behind them. */
  readonly #whole = new Map<string, PaxRecord>();
  #extended: Extended | undefined;
  #members = 0;

  constructor(readonly visitor: TarVisitor, readonly options: TarReaderOptions) {}

  *run(): TarParse {
    for (let zeros = 0; zeros < 2;) {
      const headerOffset = this.#offset;
      const bytes = yield { want: "bytes", bytes: TAR_BLOCK_BYTES };
      this.#offset += bytes.length;
      if (bytes.length === 0 && this.#mayEnd(zeros)) return;
      if (bytes.length < TAR_BLOCK_BYTES) throw truncated(headerOffset);
      const header = new TarHeader(bytes.slice(), headerOffset);
      if (header.isZero) {
        zeros++;
        continue;
      }
      zeros = 0;
      header.verify();
      yield* this.#header(header);
    }
  }

  /** An empty archive, and one whose end mark is missing in part or (if allowed) as a whole. */
  #mayEnd(zeros: number): boolean {
    if (this.#extended !== undefined) return false;
    if (this.#members === 0 && zeros === 0) throw new TarError("there is no archive: no bytes", 0);
    return zeros > 0 || this.options.lenient === true;
  }

  *#header(header: TarHeader): Step<void> {
    const { type } = header;
    if (type === "g" || type === "x" || type === "X") return yield* this.#pax(header);
    if (header.isGnu && (type === "L" || type === "K")) return yield* this.#longName(header);
    const extended = this.#extended ?? new Extended(this.#whole, header.offset);
    this.#extended = undefined;
    const kind = TYPES[type];
    const size = this.#checkedSize(extended.number("size") ?? header.number("size"), header);
    if (kind === undefined) {
      if (type !== "V") this.visitor.warn(`a member of the unknown type ${type} was passed over`);
      return yield* this.#pass(size);
    }
    const builder = new MemberBuilder(header, extended, kind);
    yield* this.#content(builder, size);
    this.#members++;
    this.visitor.member(builder.build());
  }

  #checkedSize(size: number, header: TarHeader): number {
    if (size >= 0 && size <= MAX_FILE_BYTES) return size;
    throw new TarError(`a member claims to have ${size} bytes`, header.offset);
  }

  *#pax(header: TarHeader): Step<void> {
    const records = parsePax(yield* this.#extendedBytes(header), header.offset);
    if (header.type !== "g") return this.#own(header).add(records);
    for (const record of records) this.#whole.set(record.key, record);
  }

  *#longName(header: TarHeader): Step<void> {
    const bytes = yield* this.#extendedBytes(header);
    const end = bytes.indexOf(0);
    const name = end < 0 ? bytes : bytes.slice(0, end);
    if (header.type === "L") this.#own(header).longPath = name;
    else this.#own(header).longTarget = name;
  }

  #own(header: TarHeader): Extended {
    return this.#extended ??= new Extended(this.#whole, header.offset);
  }

  *#extendedBytes(header: TarHeader): Step<Uint8Array> {
    const size = header.number("size");
    if (size < 0 || size > MAX_EXTENDED_BYTES) {
      throw new TarError(`an extended header claims to have ${size} bytes`, header.offset);
    }
    return (yield* this.#bytes(padded(size), header)).subarray(0, size);
  }

  /** Exactly this many bytes, copied. Memory grows only with what is there. */
  *#bytes(length: number, header: TarHeader): Step<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let done = 0; done < length;) {
      const wanted = Math.min(PIECE_BYTES, length - done);
      const piece = yield { want: "bytes", bytes: wanted };
      if (piece.length < wanted) throw truncated(header.offset);
      pieces.push(piece.slice());
      done += wanted;
    }
    this.#offset += length;
    const [only] = pieces;
    if (only !== undefined && pieces.length === 1) return only;
    const bytes = new Uint8Array(length);
    pieces.forEach((piece, index) => bytes.set(piece, index * PIECE_BYTES));
    return bytes;
  }

  *#pass(size: number): Step<void> {
    if (size > 0) yield { want: "skip", bytes: padded(size) };
    this.#offset += padded(size);
  }

  *#content(builder: MemberBuilder, size: number): Step<void> {
    const { header, extended, type } = builder;
    if (type !== "file") {
      // Only pax stores contents with hard links; they are those of the first name. D lists names.
      const has = type === "link" ? extended.hasPax : header.type === "D";
      return yield* this.#pass(has ? size : 0);
    }
    if (header.type === "S" && header.isGnu) return yield* this.#gnuSparse(builder, size);
    const major = extended.text("GNU.sparse.major");
    if (major === "1") return yield* this.#paxSparse(builder, size);
    const runs = runsOfPax(extended.records, header.offset);
    const real = runs === undefined ? size : this.#checkedSize(
      extended.number("GNU.sparse.size") ?? extended.number("GNU.sparse.realsize") ?? size,
      header,
    );
    yield* this.#store(builder, runs ?? [{ offset: 0, length: size }], real, size);
  }

  /** The oldest format: the map in the header and blocks right behind it. */
  *#gnuSparse(builder: MemberBuilder, size: number): Step<void> {
    const { header } = builder;
    const runs = header.sparseRuns();
    for (let more = header.hasFurtherRuns(false); more;) {
      const block = new TarHeader(yield* this.#bytes(TAR_BLOCK_BYTES, header), header.offset);
      runs.push(...block.furtherRuns());
      more = block.hasFurtherRuns(true);
    }
    const real = this.#checkedSize(header.number("gnuRealSize"), header);
    yield* this.#store(builder, runs, real, size);
  }

  /** Format 1.0: the map at the beginning of the contents. */
  *#paxSparse(builder: MemberBuilder, size: number): Step<void> {
    const { header, extended } = builder;
    const map = new MapReader(header.offset);
    let left = size;
    while (!map.complete) {
      if (left < TAR_BLOCK_BYTES) throw new TarError("a sparse map is damaged", header.offset);
      map.take(yield* this.#bytes(TAR_BLOCK_BYTES, header));
      left -= TAR_BLOCK_BYTES;
    }
    const real = this.#checkedSize(extended.number("GNU.sparse.realsize") ?? left, header);
    yield* this.#store(builder, map.runs(), real, left);
  }

  *#store(
    builder: MemberBuilder,
    runs: readonly { readonly offset: number; readonly length: number }[],
    size: number,
    storedBytes: number,
  ): Step<void> {
    const stored = this.visitor.stored();
    builder.size = size;
    builder.parts = partsOf(runs, size, stored, storedBytes, builder.header.offset);
    if (storedBytes > 0) yield { want: "store", bytes: storedBytes };
    const rest = padded(storedBytes) - storedBytes;
    if (rest > 0) yield { want: "skip", bytes: rest };
    this.#offset += padded(storedBytes);
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
}

function truncated(offset: number): TarError {
  return new TarError("the archive is truncated", offset);
}

/** Puts header and extended header together. */
class MemberBuilder {
  size = 0;
  parts: readonly TarPart[] = [];
  readonly path: Uint8Array;
  readonly type: TarType;

  constructor(readonly header: TarHeader, readonly extended: Extended, type: TarType) {
    this.path = extended.bytes("GNU.sparse.name") ?? extended.bytes("path") ?? extended.longPath ??
      header.path();
    // The oldest archives know no directories but by the slash at the end of their names.
    const folder = type === "file" && this.path.at(-1) === 0x2f;
    this.type = folder ? "directory" : type;
  }

  build(): TarMember {
    const { header, extended, path, type } = this;
    const isDevice = type === "character" || type === "block";
    const extra = this.#headerTimes();
    return {
      type,
      path,
      mode: header.number("mode") & 0o7777,
      uid: this.#id("uid"),
      gid: this.#id("gid"),
      size: this.size,
      mtime: extended.time("mtime") ?? time(header.number("mtime")),
      atime: extended.time("atime") ?? extra.atime,
      ctime: extended.time("ctime") ?? extra.ctime,
      target: extended.bytes("linkpath") ?? extended.longTarget ?? header.text("link"),
      major: isDevice ? extended.number("SCHILY.devmajor") ?? header.number("major") : 0,
      minor: isDevice ? extended.number("SCHILY.devminor") ?? header.number("minor") : 0,
      xattrs: extended.xattrs(path),
      parts: this.parts,
      headerOffset: header.offset,
    };
  }

  #id(field: "uid" | "gid"): number {
    const id = this.extended.number(field) ?? this.header.number(field);
    if (id >= 0 && id < 0xffffffff) return id;
    throw new TarError(`a header's ${field} of ${id} is none`, this.header.offset);
  }

  /** GNU tar (--incremental) and star keep access and change time where others have a prefix. */
  #headerTimes(): { readonly atime: TarTime | undefined; readonly ctime: TarTime | undefined } {
    const { header } = this;
    const fields = header.isGnu
      ? ["gnuAtime", "gnuCtime"] as const
      : header.isStar
      ? ["starAtime", "starCtime"] as const
      : undefined;
    if (fields === undefined) return { atime: undefined, ctime: undefined };
    const [atime, ctime] = fields.map((field) => header.number(field));
    return { atime: atime ? time(atime) : undefined, ctime: ctime ? time(ctime) : undefined };
  }
}

function time(seconds: number): TarTime {
  return { seconds, nanoseconds: 0 };
}
