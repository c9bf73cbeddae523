/**
 * Operations on extended attributes.
 *
 * @module
 */

import {
  CAPABILITY,
  FUSE_SETXATTR_ACL_KILL_SGID,
  NAME_MAX,
  OPCODE,
  SIZE,
  XATTR_SIZE_MAX,
} from "../abi.ts";
import type { Exchange } from "../exchange.ts";
import type { Request } from "../request.ts";
import { EINVAL, ERANGE, nothing, type OperationGroup } from "./operation.ts";

const ARGUMENTS = SIZE.IN_HEADER;
const E2BIG = -7;
const NOWHERE = new Uint8Array(0);

/**
 * `struct fuse_setxattr_in`: size, flags, and where SETXATTR_EXT was agreed setxattr_flags and
 * padding; then the name and the value.
 */
function setxattr(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const extended = exchange.agreement?.has(CAPABILITY.SETXATTR_EXT) ?? false;
  const fixed = extended ? SIZE.SETXATTR_IN : SIZE.SETXATTR_COMPAT_IN;
  if (request.argumentBytes < fixed) return EINVAL;
  const size = request.u32(ARGUMENTS);
  if (size > XATTR_SIZE_MAX) return E2BIG;
  const name = attributeName(request, ARGUMENTS + fixed);
  if (name === undefined) return request.nameError;
  if (request.next + size > request.end) return EINVAL;
  const killSgid = extended &&
    (request.u32(ARGUMENTS + 8) & FUSE_SETXATTR_ACL_KILL_SGID) !== 0;
  const result = fileSystem.setxattr(
    exchange.caller,
    request.node,
    name,
    request.bytes(request.next, request.next + size),
    request.u32(ARGUMENTS + 4),
    killSgid,
  );
  return nothing(result);
}

/** The attribute's name at `at`, 1 to 255 bytes; undefined, with `nameError`, when there is none. */
function attributeName(request: Request, at: number): Uint8Array | undefined {
  const name = request.text(at);
  if (name === undefined || (name.length > 0 && name.length <= NAME_MAX)) return name;
  request.nameError = name.length === 0 ? EINVAL : ERANGE;
  return undefined;
}

/** Size 0 asks for the length alone, which has a body of its own. */
function valueReply(exchange: Exchange, size: number, length: number): number {
  if (length < 0) return length;
  if (size === 0) {
    exchange.reply.setU32(0, length);
    exchange.reply.setU32(4, 0);
    return SIZE.GETXATTR_OUT;
  }
  return length > size ? ERANGE : length;
}

function room(exchange: Exchange, size: number): Uint8Array {
  return size === 0 ? NOWHERE : exchange.reply.body(0, size);
}

/** `struct fuse_getxattr_in`: size, padding; then the name. */
function getxattr(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const size = Math.min(request.u32(ARGUMENTS), XATTR_SIZE_MAX);
  const name = attributeName(request, ARGUMENTS + SIZE.GETXATTR_IN);
  if (name === undefined) return request.nameError;
  const value = room(exchange, size);
  const length = fileSystem.getxattr(exchange.caller, request.node, name, value);
  return valueReply(exchange, size, length);
}

function listxattr(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const size = Math.min(request.u32(ARGUMENTS), XATTR_SIZE_MAX);
  const length = fileSystem.listxattr(exchange.caller, request.node, room(exchange, size));
  return valueReply(exchange, size, length);
}

function removexattr(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const name = attributeName(request, ARGUMENTS);
  if (name === undefined) return request.nameError;
  return nothing(fileSystem.removexattr(exchange.caller, request.node, name));
}

export const XATTR_OPERATIONS: OperationGroup = {
  [OPCODE.SETXATTR]: { argumentBytes: SIZE.SETXATTR_COMPAT_IN, run: setxattr },
  [OPCODE.GETXATTR]: { argumentBytes: SIZE.GETXATTR_IN, run: getxattr },
  [OPCODE.LISTXATTR]: { argumentBytes: SIZE.GETXATTR_IN, run: listxattr },
  [OPCODE.REMOVEXATTR]: { argumentBytes: 1, run: removexattr },
};
