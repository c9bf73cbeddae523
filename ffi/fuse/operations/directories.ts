/**
 * Operations on open directories.
 *
 * @module
 */

import { FUSE_FSYNC_FDATASYNC, OPCODE, SIZE } from "../abi.ts";
import type { Exchange } from "../exchange.ts";
import { nothing, type OperationGroup } from "./operation.ts";

const ARGUMENTS = SIZE.IN_HEADER;

function opendir(exchange: Exchange): number {
  const { request, fileSystem, opened } = exchange;
  opened.handle = 0;
  opened.flags = 0;
  const result = fileSystem.opendir(exchange.caller, request.node, request.u32(ARGUMENTS), opened);
  if (result < 0) return result;
  exchange.reply.opened(0, opened);
  return SIZE.OPEN_OUT;
}

/** Arguments as READ: fh 0, offset 8, size 16. */
function list(exchange: Exchange, plus: boolean): number {
  const { request, fileSystem, directory } = exchange;
  const handle = request.u64(ARGUMENTS);
  const offset = request.u64(ARGUMENTS + 8);
  directory.begin(plus, request.u32(ARGUMENTS + 16));
  const result = fileSystem.readdir(
    exchange.caller,
    request.node,
    handle,
    offset,
    plus,
    directory,
  );
  // Entries that were taken carry counted lookups: they go out, and the error comes with the next call.
  if (result < 0 && directory.usedBytes === 0) return result;
  return directory.usedBytes;
}

function readdir(exchange: Exchange): number {
  return list(exchange, false);
}

function readdirplus(exchange: Exchange): number {
  return list(exchange, true);
}

function releasedir(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  return nothing(fileSystem.releasedir(exchange.caller, request.node, request.u64(ARGUMENTS)));
}

function fsyncdir(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const dataOnly = (request.u32(ARGUMENTS + 8) & FUSE_FSYNC_FDATASYNC) !== 0;
  const handle = request.u64(ARGUMENTS);
  return nothing(fileSystem.fsyncdir(exchange.caller, request.node, handle, dataOnly));
}

export const DIRECTORY_OPERATIONS: OperationGroup = {
  [OPCODE.OPENDIR]: { argumentBytes: SIZE.OPEN_IN, run: opendir },
  [OPCODE.READDIR]: { argumentBytes: SIZE.READ_IN, run: readdir },
  [OPCODE.READDIRPLUS]: { argumentBytes: SIZE.READ_IN, run: readdirplus },
  [OPCODE.RELEASEDIR]: { argumentBytes: SIZE.RELEASE_IN, run: releasedir },
  [OPCODE.FSYNCDIR]: { argumentBytes: SIZE.FSYNC_IN, run: fsyncdir },
};
