/**
 * What is kept of one version of a file, as a file of its own: a line of JSON and the digest of that line. The
 * content lies in chunks in the history's data file.
 *
 * @module
 */

import { EUCLEAN } from "../errno.ts";
import { FsError } from "../errors.ts";
import { sha256 } from "../layout/sha256.ts";
import type { Timestamp } from "../ops/set_attributes.ts";
import { LONGEST_CHUNK } from "./chunker.ts";

/** A part of the content. */
export interface Chunk {
  /** Byte of the file where it belongs. */
  readonly fileOffset: number;
  /** Bytes. */
  readonly length: number;
  /** Byte of the data file where it is. */
  readonly dataOffset: number;
  /** SHA-256, 64 hexadecimal digits. */
  readonly digest: string;
}

/** One version. What no chunk covers is a hole. */
export interface Version {
  /** 1 for the first one kept. */
  readonly number: number;
  /** When it was kept. */
  readonly time: Timestamp;
  /** Where the file was then. */
  readonly path: string;
  readonly note: string;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atime: Timestamp;
  readonly mtime: Timestamp;
  /** Names, and values in hexadecimal digits. */
  readonly xattrs: readonly (readonly [name: string, value: string])[];
  readonly chunks: readonly Chunk[];
}

const FORMAT = 1;
/** A manifest is read whole: some million chunks. */
export const LARGEST_MANIFEST = 256 << 20;
const NANOSECONDS = 1_000_000_000;
const encoder = new TextEncoder();

/** Hexadecimal digits of bytes. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text;
}

/** Bytes of hexadecimal digits. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(text.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
}

/** The manifest's file. */
export function encodeManifest(version: Version): Uint8Array {
  const chunks = version.chunks.map((chunk) => [
    chunk.fileOffset,
    chunk.length,
    chunk.dataOffset,
    chunk.digest,
  ]);
  const line = JSON.stringify({ format: FORMAT, ...version, chunks });
  return encoder.encode(`${line}\n${hexOf(sha256(encoder.encode(line)))}\n`);
}

/**
 * Reads a manifest's file.
 * @param name for errors.
 * @throws FsError EUCLEAN for one that is damaged, or of a later format
 */
export function decodeManifest(bytes: Uint8Array, name: string): Version {
  const end = bytes.indexOf(0x0a);
  const decoder = new TextDecoder();
  const line = bytes.subarray(0, Math.max(0, end));
  if (decoder.decode(bytes.subarray(end + 1)).trim() !== hexOf(sha256(line))) {
    throw damaged(name, "its digest is wrong");
  }
  const value: unknown = JSON.parse(decoder.decode(line));
  if (!isRecord(value) || value["format"] !== FORMAT) {
    throw damaged(name, "its format is not known");
  }
  const { number, time, path, note, size, mode, uid, gid, atime, mtime, xattrs, chunks } = value;
  const version = { number, time, path, note, size, mode, uid, gid, atime, mtime, xattrs };
  const all = { ...version, chunks: Array.isArray(chunks) ? chunks.map(chunkOf) : undefined };
  if (!isVersion(all)) throw damaged(name, "a field is missing or out of range");
  return all;
}

function damaged(name: string, why: string): FsError {
  return new FsError(EUCLEAN, `version ${name} is damaged: ${why}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown, most = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= most;
}

function isHex(value: unknown): value is string {
  return typeof value === "string" && value.length % 2 === 0 && /^[0-9a-f]*$/.test(value);
}

function isTime(value: unknown): value is Timestamp {
  return isRecord(value) && Number.isSafeInteger(value["seconds"]) &&
    isCount(value["nanoseconds"], NANOSECONDS - 1);
}

function chunkOf(value: unknown): Chunk | undefined {
  if (!Array.isArray(value)) return undefined;
  const [fileOffset, length, dataOffset, digest]: unknown[] = value;
  const good = isCount(fileOffset) && isCount(length, LONGEST_CHUNK) && isCount(dataOffset) &&
    isHex(digest) && digest.length === 64;
  return good ? { fileOffset, length, dataOffset, digest } : undefined;
}

function isVersion(value: Record<string, unknown>): value is Record<string, unknown> & Version {
  const { chunks, xattrs, size } = value;
  if (!isCount(size) || !Array.isArray(chunks) || !Array.isArray(xattrs)) return false;
  const ids = isCount(value["uid"], 0xffffffff) && isCount(value["gid"], 0xffffffff);
  const texts = typeof value["path"] === "string" && typeof value["note"] === "string";
  const times = isTime(value["time"]) && isTime(value["atime"]) && isTime(value["mtime"]);
  if (!ids || !texts || !times || !isCount(value["mode"], 0o7777)) return false;
  if (!isCount(value["number"])) return false;
  let end = 0;
  for (const chunk of chunks as (Chunk | undefined)[]) {
    if (chunk === undefined || chunk.fileOffset < end) return false;
    end = chunk.fileOffset + chunk.length;
  }
  const pairs = xattrs.every((pair: unknown) =>
    Array.isArray(pair) && pair.length === 2 && typeof pair[0] === "string" && isHex(pair[1])
  );
  return pairs && end <= size;
}
