/**
 * Operations on a node whatever its type: attributes, lookup counts, link targets.
 *
 * @module
 */

import { FATTR_FH, OPCODE, PATH_MAX, SIZE } from "../abi.ts";
import { type Exchange, NO_REPLY } from "../exchange.ts";
import { ENAMETOOLONG } from "../request.ts";
import { nothing, type OperationGroup } from "./operation.ts";

const ARGUMENTS = SIZE.IN_HEADER;

function forget(exchange: Exchange): number {
  const { request } = exchange;
  exchange.fileSystem.forget(request.node, request.u64(ARGUMENTS));
  return NO_REPLY;
}

/** `struct fuse_batch_forget_in`: count, dummy; then as many `struct fuse_forget_one`. */
function batchForget(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const first = ARGUMENTS + SIZE.BATCH_FORGET_IN;
  const whole = Math.floor((request.end - first) / SIZE.FORGET_ONE);
  const count = Math.min(request.u32(ARGUMENTS), whole);
  for (let index = 0; index < count; index++) {
    const at = first + index * SIZE.FORGET_ONE;
    fileSystem.forget(request.u64(at), request.u64(at + 8));
  }
  return NO_REPLY;
}

/** `struct fuse_getattr_in`: getattr_flags, dummy, fh. */
function getattr(exchange: Exchange): number {
  const { request, fileSystem, attributes } = exchange;
  const result = fileSystem.getattr(exchange.caller, request.node, attributes);
  if (result < 0) return result;
  exchange.reply.attributesOut(0, attributes, exchange.settings.attributesValidMs);
  return SIZE.ATTR_OUT;
}

function statx(exchange: Exchange): number {
  const { request, fileSystem, attributes } = exchange;
  const result = fileSystem.getattr(exchange.caller, request.node, attributes);
  if (result < 0) return result;
  exchange.reply.statxOut(0, attributes, exchange.settings.attributesValidMs);
  return SIZE.STATX_OUT;
}

/**
 * `struct fuse_setattr_in`: valid 0, padding 4, fh 8, size 16, lock_owner 24, atime 32, mtime 40,
 * ctime 48, atimensec 56, mtimensec 60, ctimensec 64, mode 68, unused4 72, uid 76, gid 80, unused5 84.
 */
function setattr(exchange: Exchange): number {
  const { request, change, attributes } = exchange;
  const at = ARGUMENTS;
  change.valid = request.u32(at);
  change.handle = (change.valid & FATTR_FH) !== 0 ? request.u64(at + 8) : 0;
  change.size = request.u64(at + 16);
  change.atime = request.i64(at + 32);
  change.mtime = request.i64(at + 40);
  change.ctime = request.i64(at + 48);
  change.atimeNsec = request.u32(at + 56);
  change.mtimeNsec = request.u32(at + 60);
  change.ctimeNsec = request.u32(at + 64);
  change.mode = request.u32(at + 68);
  change.uid = request.u32(at + 76);
  change.gid = request.u32(at + 80);
  const result = exchange.fileSystem.setattr(exchange.caller, request.node, change, attributes);
  if (result < 0) return result;
  exchange.reply.attributesOut(0, attributes, exchange.settings.attributesValidMs);
  return SIZE.ATTR_OUT;
}

/** The reply is the target without a NUL. The kernel takes at most a page less one byte. */
function readlink(exchange: Exchange): number {
  const target = exchange.reply.body(0, PATH_MAX);
  const length = exchange.fileSystem.readlink(exchange.caller, exchange.request.node, target);
  return length >= PATH_MAX ? ENAMETOOLONG : length;
}

function access(exchange: Exchange): number {
  const { request } = exchange;
  return nothing(
    exchange.fileSystem.access(exchange.caller, request.node, request.u32(ARGUMENTS)),
  );
}

function statfs(exchange: Exchange): number {
  const record = exchange.statfs;
  const result = exchange.fileSystem.statfs(exchange.caller, exchange.request.node, record);
  if (result < 0) return result;
  exchange.reply.statfs(0, record);
  return SIZE.KSTATFS;
}

export const NODE_OPERATIONS: OperationGroup = {
  [OPCODE.FORGET]: { argumentBytes: SIZE.FORGET_IN, run: forget },
  [OPCODE.BATCH_FORGET]: { argumentBytes: SIZE.BATCH_FORGET_IN, run: batchForget },
  [OPCODE.GETATTR]: { argumentBytes: SIZE.GETATTR_IN, run: getattr },
  [OPCODE.STATX]: { argumentBytes: SIZE.STATX_IN, run: statx },
  [OPCODE.SETATTR]: { argumentBytes: SIZE.SETATTR_IN, run: setattr },
  [OPCODE.READLINK]: { argumentBytes: 0, run: readlink },
  [OPCODE.ACCESS]: { argumentBytes: SIZE.ACCESS_IN, run: access },
  [OPCODE.STATFS]: { argumentBytes: 0, run: statfs },
};
