/**
 * One line for every request: `12 LOOKUP node 1 "name" = 0 (15 µs)`.
 *
 * @module
 */

import { OPCODE, opcodeName, SIZE } from "./abi.ts";
import { NO_REPLY } from "./exchange.ts";
import { DEFERRED } from "./port.ts";
import type { Request } from "./request.ts";
import { errnoName } from "../libc/errno.ts";

const ARGUMENTS = SIZE.IN_HEADER;
const decoder = new TextDecoder();

type Describe = (request: Request) => string;

/** The name that follows `argumentBytes` of arguments, and those behind it, up to `count`. */
function names(argumentBytes: number, count = 1): Describe {
  return (request) => {
    const found: string[] = [];
    let at = ARGUMENTS + argumentBytes;
    for (let index = 0; index < count && at < request.end; index++) {
      const name = request.text(at);
      if (name === undefined) return "(a name without end)";
      found.push(JSON.stringify(decoder.decode(name)));
      at = request.next;
    }
    return found.join(" ");
  };
}

function modeAndName(argumentBytes: number, modeAt: number): Describe {
  const name = names(argumentBytes);
  return (request) => `${name(request)} mode 0${request.u32(ARGUMENTS + modeAt).toString(8)}`;
}

const range: Describe = (request) =>
  `handle ${request.u64(ARGUMENTS)} offset ${request.u64(ARGUMENTS + 8)} size ${
    request.u32(ARGUMENTS + 16)
  }`;

const handle: Describe = (request) => `handle ${request.u64(ARGUMENTS)}`;

/** What to print of the arguments, by opcode. */
const DESCRIPTIONS: Readonly<Record<number, Describe>> = {
  [OPCODE.LOOKUP]: names(0),
  [OPCODE.UNLINK]: names(0),
  [OPCODE.RMDIR]: names(0),
  [OPCODE.SYMLINK]: names(0, 2),
  [OPCODE.RENAME]: names(SIZE.RENAME_IN, 2),
  [OPCODE.RENAME2]: names(SIZE.RENAME2_IN, 2),
  [OPCODE.LINK]: names(SIZE.LINK_IN),
  [OPCODE.MKNOD]: modeAndName(SIZE.MKNOD_IN, 0),
  [OPCODE.MKDIR]: modeAndName(SIZE.MKDIR_IN, 0),
  [OPCODE.CREATE]: modeAndName(SIZE.CREATE_IN, 4),
  [OPCODE.OPEN]: (request) => `flags 0${request.u32(ARGUMENTS).toString(8)}`,
  [OPCODE.FORGET]: (request) => `${request.u64(ARGUMENTS)} lookups`,
  [OPCODE.BATCH_FORGET]: (request) => `${request.u32(ARGUMENTS)} nodes`,
  [OPCODE.SETATTR]: (request) => `valid 0x${request.u32(ARGUMENTS).toString(16)}`,
  [OPCODE.READ]: range,
  [OPCODE.WRITE]: range,
  [OPCODE.READDIR]: range,
  [OPCODE.READDIRPLUS]: range,
  [OPCODE.FLUSH]: handle,
  [OPCODE.RELEASE]: handle,
  [OPCODE.RELEASEDIR]: handle,
  [OPCODE.FSYNC]: handle,
  [OPCODE.FSYNCDIR]: handle,
  [OPCODE.LSEEK]: range,
  [OPCODE.FALLOCATE]: (request) =>
    `${handle(request)} offset ${request.u64(ARGUMENTS + 8)} length ${
      request.u64(ARGUMENTS + 16)
    } mode 0x${request.u32(ARGUMENTS + 24).toString(16)}`,
  [OPCODE.IOCTL]: (request) => `command 0x${request.u32(ARGUMENTS + 12).toString(16)}`,
  [OPCODE.GETXATTR]: names(SIZE.GETXATTR_IN),
  [OPCODE.REMOVEXATTR]: names(0),
};

/** The line for a request whose arguments are known to be whole. */
export function traceLine(
  request: Request,
  argumentBytes: number,
  result: number,
  microseconds: number,
): string {
  const describe = request.argumentBytes >= argumentBytes
    ? DESCRIPTIONS[request.opcode]
    : undefined;
  const details = describe === undefined ? "" : ` ${describe(request)}`;
  const subject = `${request.unique} ${opcodeName(request.opcode)} node ${request.node}`;
  return `${subject}${details} = ${outcome(result)} (${microseconds.toFixed(0)} µs)`;
}

function outcome(result: number): string {
  if (result === DEFERRED) return "later";
  if (result === NO_REPLY) return "no reply";
  return result < 0 ? errnoName(-result) : `${result} bytes`;
}
