/**
 * Archives as they come: a file, or a stream from standard input; plain, or packed with gzip or zstd.
 * A plain file is read where it lies; contents of everything else wait in a spool.
 *
 * @module
 */

import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { O_RDONLY, S_IFREG } from "../ffi/libc/constants.ts";
import { close, open, pread } from "../ffi/libc/file.ts";
import { fileType, status } from "../ffi/libc/status.ts";
import { TarError } from "../tar/error.ts";
import { TAR_BLOCK_BYTES } from "../tar/header.ts";
import { readTar, type TarRequest } from "../tar/reader.ts";
import { SystemError } from "../ffi/libc/error.ts";
import { FsError } from "../fs/errors.ts";
import { BuildError } from "./build_error.ts";
import { FileStore } from "./file_store.ts";
import { Spool } from "./spool.ts";
import { TarTree, type TarTreeOptions } from "./tar_tree.ts";
import type { Tree } from "./tree.ts";

const CHUNK_BYTES = 256 * 1024;
const HEAD_BYTES = 8;
/** What may follow the end of an archive is read, so that whoever writes it is not cut off; up to this much. */
const MAX_TRAILER_BYTES = 64 << 20;
const EMPTY = new Uint8Array(0);

/** How a stream is packed, by its first bytes. */
type Packing = "plain" | "gzip" | "zstd";
const UNKNOWN_PACKINGS:
  readonly (readonly [name: string, tool: string, magic: readonly number[]])[] = [
    ["xz", "xz -dc", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
    ["bzip2", "bzip2 -dc", [0x42, 0x5a, 0x68]],
    ["lz4", "lz4 -dc", [0x04, 0x22, 0x4d, 0x18]],
  ];

/** Chunks of bytes from somewhere. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** An archive that was read, and still holds its contents. */
export interface OpenArchive {
  close(): void;
}

/** What reading archives needs. */
export interface TarInputOptions extends TarTreeOptions {
  /** Where contents are kept that do not lie in a file already. */
  readonly spoolFolder: string;
}

/**
 * Lays an archive in a file over a tree.
 * @throws TarError, BuildError, SystemError
 */
export async function addTarFile(
  tree: Tree,
  path: string,
  source: number,
  options: TarInputOptions,
): Promise<OpenArchive> {
  const descriptor = open(path, O_RDONLY);
  try {
    const head = new Uint8Array(HEAD_BYTES);
    const { mode, size } = status(descriptor);
    const seekable = fileType(mode) === S_IFREG;
    const length = seekable ? pread(descriptor, head, 0) : 0;
    if (seekable && packingOf(head.subarray(0, length)) === "plain") {
      const store = new FileStore(descriptor, size);
      readSeekable(tree, store, source, options);
      return store;
    }
  } catch (error) {
    close(descriptor);
    throw error;
  }
  close(descriptor);
  using file = await Deno.open(path);
  return await addTarStream(tree, chunksOf(file), source, options);
}

/** Lays an archive that comes as a stream over a tree. @throws TarError, BuildError */
export async function addTarStream(
  tree: Tree,
  stream: ByteStream,
  source: number,
  options: TarInputOptions,
): Promise<OpenArchive> {
  const spool = new Spool(options.spoolFolder);
  try {
    const reader = new ChunkReader(stream[Symbol.asyncIterator]());
    const head = await reader.peek(HEAD_BYTES);
    const packing = packingOf(head);
    const bytes = packing === "plain" ? reader : new ChunkReader(
      unpacked(reader.rest(), packing)[Symbol.asyncIterator](),
    );
    try {
      await readStream(tree, bytes, spool, source, options);
    } catch (error) {
      throw unpackingError(error, packing);
    }
    return spool;
  } catch (error) {
    spool.close();
    throw error;
  }
}

/** Chunks of a file or of standard input. */
export async function* chunksOf(
  input: { read(target: Uint8Array): Promise<number | null> },
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await input.read(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}

function packingOf(head: Uint8Array): Packing {
  const starts = (magic: readonly number[]): boolean =>
    magic.every((byte, index) => head[index] === byte);
  if (starts([0x1f, 0x8b])) return "gzip";
  if (starts([0x28, 0xb5, 0x2f, 0xfd])) return "zstd";
  for (const [name, tool, magic] of UNKNOWN_PACKINGS) {
    if (!starts(magic)) continue;
    throw new BuildError(
      `the archive is packed with ${name}, which is not known: ${tool} FILE | mkfs --from - …`,
    );
  }
  return "plain";
}

function unpacked(stream: ByteStream, packing: Packing): ByteStream {
  const options = { chunkSize: CHUNK_BYTES };
  const transform = packing === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  const input = Readable.from(stream, { objectMode: false });
  input.on("error", (error) => transform.destroy(error));
  return input.pipe(transform) as unknown as ByteStream;
}

/** What node's zlib says of bytes that it cannot unpack is an ordinary `Error`. */
function unpackingError(error: unknown, packing: Packing): unknown {
  const ours = error instanceof TarError || error instanceof FsError ||
    error instanceof SystemError || error instanceof TypeError || error instanceof RangeError;
  if (packing === "plain" || ours || !(error instanceof Error)) return error;
  return new BuildError(`the ${packing} stream is damaged or truncated (${error.message})`);
}

function readSeekable(tree: Tree, file: FileStore, source: number, options: TarInputOptions): void {
  const members = new TarTree(tree, source, file, options);
  let at = 0;
  const parse = readTar({
    stored: () => at,
    member: (member) => members.add(member),
    warn: options.warn,
  }, options);
  const header = new Uint8Array(TAR_BLOCK_BYTES);
  const take = (bytes: number): Uint8Array => {
    const target = bytes === TAR_BLOCK_BYTES ? header : new Uint8Array(bytes);
    return target.subarray(0, file.read(target, at));
  };
  let answer = EMPTY as Uint8Array;
  for (let step = parse.next(answer); step.done !== true; step = parse.next(answer)) {
    const { want, bytes } = step.value;
    if (want === "bytes") {
      answer = take(bytes);
      at += answer.length;
      continue;
    }
    if (at + bytes > file.size) {
      throw new TarError(
        `the archive is truncated: ${at + bytes - file.size} bytes are missing`,
        at,
      );
    }
    at += bytes;
    answer = EMPTY;
  }
}

async function readStream(
  tree: Tree,
  bytes: ChunkReader,
  spool: Spool,
  source: number,
  options: TarInputOptions,
): Promise<void> {
  const members = new TarTree(tree, source, spool, options);
  const parse = readTar({
    stored: () => spool.length,
    member: (member) => members.add(member),
    warn: options.warn,
  }, options);
  let answer = EMPTY as Uint8Array;
  for (let step = parse.next(answer); step.done !== true; step = parse.next(answer)) {
    answer = await answerRequest(step.value, bytes, spool);
  }
  await bytes.drain(MAX_TRAILER_BYTES);
}

async function answerRequest(
  request: TarRequest,
  bytes: ChunkReader,
  spool: Spool,
): Promise<Uint8Array> {
  if (request.want === "bytes") {
    return bytes.takeBuffered(request.bytes) ?? await bytes.take(request.bytes);
  }
  const keep = request.want === "store";
  for (let left = request.bytes; left > 0;) {
    const chunk = bytes.someBuffered(left) ?? await bytes.some(left);
    if (chunk === undefined) {
      throw new TarError(`the archive is truncated: ${left} bytes are missing`, bytes.position);
    }
    if (keep) spool.append(chunk);
    left -= chunk.length;
  }
  return EMPTY;
}

/** Reads exact numbers of bytes from a stream of chunks. */
class ChunkReader {
  #chunk: Uint8Array = EMPTY;
  /** Bytes taken so far. */
  position = 0;

  constructor(readonly chunks: AsyncIterator<Uint8Array>) {}

  async #more(): Promise<boolean> {
    const { done, value } = await this.chunks.next();
    if (done === true) return false;
    this.#chunk = value.length === 0 ? this.#chunk : value;
    return true;
  }

  /** The first bytes, which stay to be taken; fewer only at the end. */
  async peek(bytes: number): Promise<Uint8Array> {
    let head = this.#chunk;
    while (head.length < bytes && await this.#more()) {
      const joined = new Uint8Array(head.length + this.#chunk.length);
      joined.set(head);
      joined.set(this.#chunk, head.length);
      head = joined;
    }
    this.#chunk = head;
    return head.subarray(0, bytes);
  }

  /** Exactly so many bytes, if they are here already; valid until the next call. */
  takeBuffered(bytes: number): Uint8Array | undefined {
    if (this.#chunk.length < bytes) return undefined;
    return this.#cut(bytes);
  }
  /** Some bytes of what is here already. */
  someBuffered(most: number): Uint8Array | undefined {
    if (this.#chunk.length === 0) return undefined;
    return this.#cut(Math.min(most, this.#chunk.length));
  }
  #cut(bytes: number): Uint8Array {
    const taken = this.#chunk.subarray(0, bytes);
    this.#chunk = this.#chunk.subarray(bytes);
    this.position += bytes;
    return taken;
  }

  /** Exactly so many bytes, fewer only at the end. */
  async take(bytes: number): Promise<Uint8Array> {
    const taken = new Uint8Array(bytes);
    let done = 0;
    while (done < bytes) {
      const some = await this.some(bytes - done);
      if (some === undefined) break;
      taken.set(some, done);
      done += some.length;
    }
    return taken.subarray(0, done);
  }

  /** At least one byte and `most` at most; undefined at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      if (!await this.#more()) return undefined;
    }
    return this.#cut(Math.min(most, this.#chunk.length));
  }

  /** Reads on to the end, up to so many bytes. */
  async drain(most: number): Promise<void> {
    for (let left = most; left > 0;) {
      const some = await this.some(left);
      if (some === undefined) return;
      left -= some.length;
    }
    await this.chunks.return?.();
  }

  /** All that is left, as chunks. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const some = await this.some(Number.MAX_SAFE_INTEGER);
      if (some === undefined) return;
      yield some;
    }
  }
}
