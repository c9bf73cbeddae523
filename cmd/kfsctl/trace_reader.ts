/** Reading traces; a file may hold anything. @module */

import { CommandError } from "../shared/command_error.ts";
import {
  TRACE_VERSION,
  type TraceHead,
  type TraceLine,
  type TraceTail,
} from "../shared/trace_file.ts";

const PIECE_BYTES = 1 << 20;
/** A symbolic link's target with every byte escaped is shorter. */
const MAX_LINE_BYTES = 1 << 16;

/** A trace that is read from its beginning each time. */
export interface Trace {
  readonly head: TraceHead;
  /** Undefined where recording was cut off. */
  readonly tail: TraceTail | undefined;
  requests(): Generator<TraceLine, void, void>;
}

/** Opens a trace, and reads its ends. @throws CommandError for a file that is none */
export function openTrace(file: string): Trace {
  let head: TraceHead | undefined;
  let tail: TraceTail | undefined;
  for (const [number, value] of linesOf(file)) {
    if (number === 1) head = headOf(file, value);
    else if ("paths" in value) tail = tailOf(file, number, value);
  }
  if (head === undefined) throw new CommandError(`${file}: it is no trace: it is empty`);
  return { head, tail, requests: () => requestsOf(file) };
}

type Line = Readonly<Record<string, unknown>>;

function headOf(file: string, value: Line): TraceHead {
  if (typeof value.kfsTrace !== "number") throw new CommandError(`${file}: it is no trace`);
  if (value.kfsTrace !== TRACE_VERSION) {
    throw new CommandError(`${file}: a trace of version ${value.kfsTrace}, which is not known`);
  }
  return value as unknown as TraceHead;
}

function tailOf(file: string, number: number, value: Line): TraceTail {
  const { paths, microseconds, lost } = value;
  const isRight = typeof paths === "object" && paths !== null && isCount(microseconds) &&
    isCount(lost) && Object.values(paths).every((path) => typeof path === "string");
  if (!isRight) throw new CommandError(`${file}: line ${number} is no end of a trace`);
  return value as unknown as TraceTail;
}

function* requestsOf(file: string): Generator<TraceLine, void, void> {
  for (const [number, value] of linesOf(file)) {
    if (number === 1 || "paths" in value) continue;
    if (!isRequest(value)) throw new CommandError(`${file}: line ${number} is no request`);
    yield value as unknown as TraceLine;
  }
}

const NUMBERS = ["at", "node", "result", "took"] as const;
const MORE_NUMBERS = [
  ...["found", "other", "offset", "newOffset", "size", "mode", "flags", "rdev"],
  ...["valid", "uid", "gid", "atime", "mtime", "callerUid", "callerPid"],
];

function isRequest(value: Line): boolean {
  const isOptional = (name: string, type: string): boolean =>
    value[name] === undefined || typeof value[name] === type;
  return typeof value.operation === "string" &&
    NUMBERS.every((name) => Number.isFinite(value[name])) &&
    MORE_NUMBERS.every((name) => isOptional(name, "number")) &&
    ["name", "newName", "target"].every((name) => isOptional(name, "string"));
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && value >= 0;
}

/** Lines with their numbers, from 1. */
function* linesOf(file: string): Generator<[number, Line], void, void> {
  using opened = Deno.openSync(file);
  const piece = new Uint8Array(PIECE_BYTES);
  const decoder = new TextDecoder();
  let rest = "";
  let number = 0;
  for (;;) {
    const count = opened.readSync(piece);
    const text = rest + (count === null ? decoder.decode() : decodeMore(decoder, piece, count));
    const lines = text.split("\n");
    rest = count === null ? "" : lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield [++number, parsed(file, number, line)];
    if (count === null) return;
    if (rest.length > MAX_LINE_BYTES) {
      throw new CommandError(`${file}: line ${number + 1} is too long`);
    }
  }
}

function decodeMore(decoder: TextDecoder, piece: Uint8Array, count: number): string {
  return decoder.decode(piece.subarray(0, count), { stream: true });
}

function parsed(file: string, number: number, line: string): Line {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Line;
  } catch {
    // Told below.
  }
  throw new CommandError(
    number === 1 ? `${file}: it is no trace` : `${file}: line ${number} is no JSON object`,
  );
}
