/**
 * Operations that find, make, change and take away names.
 *
 * @module
 */

import { CAPABILITY, OPCODE, PATH_MAX, SIZE } from "../abi.ts";
import type { Exchange } from "../exchange.ts";
import { ENAMETOOLONG } from "../request.ts";
import { EINVAL, nothing, type OperationGroup } from "./operation.ts";

/** Where the arguments begin. */
const ARGUMENTS = SIZE.IN_HEADER;

function entryReply(exchange: Exchange, result: number): number {
  if (result < 0) return result;
  exchange.reply.entry(0, exchange.entry);
  return SIZE.ENTRY_OUT;
}

function createdReply(exchange: Exchange, result: number): number {
  if (result < 0) return result;
  exchange.reply.entry(0, exchange.entry);
  exchange.reply.opened(SIZE.ENTRY_OUT, exchange.opened);
  return SIZE.ENTRY_OUT + SIZE.OPEN_OUT;
}

function lookup(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const dots = exchange.agreement?.has(CAPABILITY.EXPORT_SUPPORT) ?? false;
  const name = request.name(ARGUMENTS, dots);
  if (name === undefined) return request.nameError;
  const result = fileSystem.lookup(exchange.caller, request.node, name, exchange.entry);
  return entryReply(exchange, result);
}

/** `struct fuse_mknod_in`: mode, rdev, umask, padding. */
function mknod(exchange: Exchange): number {
  const { request, fileSystem, caller, entry } = exchange;
  const name = request.name(ARGUMENTS + SIZE.MKNOD_IN);
  if (name === undefined) return request.nameError;
  const mode = request.u32(ARGUMENTS);
  const rdev = request.u32(ARGUMENTS + 4);
  const umask = request.u32(ARGUMENTS + 8);
  const result = fileSystem.mknod(caller, request.node, name, mode, umask, rdev, entry);
  return entryReply(exchange, result);
}

/** `struct fuse_mkdir_in`: mode, umask. */
function mkdir(exchange: Exchange): number {
  const { request, fileSystem, caller, entry } = exchange;
  const name = request.name(ARGUMENTS + SIZE.MKDIR_IN);
  if (name === undefined) return request.nameError;
  const mode = request.u32(ARGUMENTS);
  const umask = request.u32(ARGUMENTS + 4);
  return entryReply(exchange, fileSystem.mkdir(caller, request.node, name, mode, umask, entry));
}

/** The name, then the target. */
function symlink(exchange: Exchange): number {
  const { request, fileSystem, caller, entry } = exchange;
  const name = request.name(ARGUMENTS);
  if (name === undefined) return request.nameError;
  const target = request.text(request.next);
  if (target === undefined || target.length === 0) return EINVAL;
  if (target.length >= PATH_MAX) return ENAMETOOLONG;
  return entryReply(exchange, fileSystem.symlink(caller, request.node, name, target, entry));
}

function unlink(exchange: Exchange): number {
  const { request } = exchange;
  const name = request.name(ARGUMENTS);
  if (name === undefined) return request.nameError;
  return nothing(exchange.fileSystem.unlink(exchange.caller, request.node, name));
}

function rmdir(exchange: Exchange): number {
  const { request } = exchange;
  const name = request.name(ARGUMENTS);
  if (name === undefined) return request.nameError;
  return nothing(exchange.fileSystem.rmdir(exchange.caller, request.node, name));
}

/** Old and new name behind `argumentBytes` of arguments that begin with the new directory. */
function renameBehind(exchange: Exchange, argumentBytes: number, flags: number): number {
  const { request, fileSystem } = exchange;
  const name = request.name(ARGUMENTS + argumentBytes);
  if (name === undefined) return request.nameError;
  const newName = request.name(request.next);
  if (newName === undefined) return request.nameError;
  const newParent = request.u64(ARGUMENTS);
  const result = fileSystem.rename(
    exchange.caller,
    request.node,
    name,
    newParent,
    newName,
    flags,
  );
  return nothing(result);
}

function rename(exchange: Exchange): number {
  return renameBehind(exchange, SIZE.RENAME_IN, 0);
}

/** `struct fuse_rename2_in`: newdir, flags, padding. */
function rename2(exchange: Exchange): number {
  return renameBehind(exchange, SIZE.RENAME2_IN, exchange.request.u32(ARGUMENTS + 8));
}

/** `struct fuse_link_in`: oldnodeid. The header's node is the new directory. */
function link(exchange: Exchange): number {
  const { request, fileSystem, caller, entry } = exchange;
  const name = request.name(ARGUMENTS + SIZE.LINK_IN);
  if (name === undefined) return request.nameError;
  const node = request.u64(ARGUMENTS);
  return entryReply(exchange, fileSystem.link(caller, node, request.node, name, entry));
}

/** `struct fuse_create_in`: flags, mode, umask, open_flags. */
function create(exchange: Exchange): number {
  const { request, fileSystem, opened } = exchange;
  const name = request.name(ARGUMENTS + SIZE.CREATE_IN);
  if (name === undefined) return request.nameError;
  opened.handle = 0;
  opened.flags = 0;
  const result = fileSystem.create(
    exchange.caller,
    request.node,
    name,
    request.u32(ARGUMENTS + 4),
    request.u32(ARGUMENTS + 8),
    request.u32(ARGUMENTS),
    exchange.entry,
    opened,
  );
  return createdReply(exchange, result);
}

/** Arguments as CREATE; the name that the kernel sends means nothing. */
function tmpfile(exchange: Exchange): number {
  const { request, fileSystem, opened } = exchange;
  opened.handle = 0;
  opened.flags = 0;
  const result = fileSystem.tmpfile(
    exchange.caller,
    request.node,
    request.u32(ARGUMENTS + 4),
    request.u32(ARGUMENTS + 8),
    request.u32(ARGUMENTS),
    exchange.entry,
    opened,
  );
  return createdReply(exchange, result);
}

export const NAME_OPERATIONS: OperationGroup = {
  [OPCODE.LOOKUP]: { argumentBytes: 1, run: lookup },
  [OPCODE.SYMLINK]: { argumentBytes: 1, run: symlink },
  [OPCODE.MKNOD]: { argumentBytes: SIZE.MKNOD_IN, run: mknod },
  [OPCODE.MKDIR]: { argumentBytes: SIZE.MKDIR_IN, run: mkdir },
  [OPCODE.UNLINK]: { argumentBytes: 1, run: unlink },
  [OPCODE.RMDIR]: { argumentBytes: 1, run: rmdir },
  [OPCODE.RENAME]: { argumentBytes: SIZE.RENAME_IN, run: rename },
  [OPCODE.RENAME2]: { argumentBytes: SIZE.RENAME2_IN, run: rename2 },
  [OPCODE.LINK]: { argumentBytes: SIZE.LINK_IN, run: link },
  [OPCODE.CREATE]: { argumentBytes: SIZE.CREATE_IN, run: create },
  [OPCODE.TMPFILE]: { argumentBytes: SIZE.CREATE_IN, run: tmpfile },
};
