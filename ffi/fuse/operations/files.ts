/**
 * Operations on open files: data, durability, space, ioctl.
 *
 * @module
 */

import { FUSE_FSYNC_FDATASYNC, FUSE_IOCTL_UNRESTRICTED, OPCODE, SIZE } from "../abi.ts";
import type { Exchange } from "../exchange.ts";
import { EINVAL, EIO, nothing, type OperationGroup } from "./operation.ts";

const ARGUMENTS = SIZE.IN_HEADER;
const ENOTTY = -25;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** The most that one COPY_FILE_RANGE copies: its answer has 32 bits. */
const LARGEST_COPY_BYTES = 0x7fff_f000;

/** The one list of views that a request over contiguous memory needs. */
const single: Uint8Array[] = [new Uint8Array(0)];

/** `struct fuse_open_in`: flags, open_flags. */
function open(exchange: Exchange): number {
  const { request, fileSystem, opened } = exchange;
  opened.handle = 0;
  opened.flags = 0;
  const result = fileSystem.open(exchange.caller, request.node, request.u32(ARGUMENTS), opened);
  if (result < 0) return result;
  exchange.reply.opened(0, opened);
  return SIZE.OPEN_OUT;
}

/** `struct fuse_read_in`: fh 0, offset 8, size 16, read_flags 20, lock_owner 24, flags 32. */
function read(exchange: Exchange): number {
  const { request, fileSystem, reply, caller } = exchange;
  const size = request.u32(ARGUMENTS + 16);
  let targets = exchange.targets;
  if (targets === undefined) {
    if (size > reply.capacity) return EINVAL;
    single[0] = reply.body(0, size);
    targets = single;
  }
  const handle = request.u64(ARGUMENTS);
  const offset = request.u64(ARGUMENTS + 8);
  const count = fileSystem.read(caller, request.node, handle, offset, targets);
  return count > size ? EIO : count;
}

/** `struct fuse_write_in`: fh 0, offset 8, size 16, write_flags 20, lock_owner 24, flags 32; the data. */
function write(exchange: Exchange): number {
  const { request, fileSystem, reply, caller } = exchange;
  const size = request.u32(ARGUMENTS + 16);
  const begin = ARGUMENTS + SIZE.WRITE_IN;
  if (begin + size > request.end) return EINVAL;
  let sources = exchange.sources;
  if (sources === undefined) {
    single[0] = request.bytes(begin, begin + size);
    sources = single;
  }
  const handle = request.u64(ARGUMENTS);
  const offset = request.u64(ARGUMENTS + 8);
  const flags = request.u32(ARGUMENTS + 20);
  const count = fileSystem.write(caller, request.node, handle, offset, sources, flags);
  if (count < 0) return count;
  if (count > size) return EIO;
  reply.setU32(0, count);
  reply.setU32(4, 0);
  return SIZE.WRITE_OUT;
}

function flush(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  return nothing(fileSystem.flush(exchange.caller, request.node, request.u64(ARGUMENTS)));
}

function release(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  return nothing(fileSystem.release(exchange.caller, request.node, request.u64(ARGUMENTS)));
}

/** `struct fuse_fsync_in`: fh, fsync_flags, padding. */
function fsync(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const dataOnly = (request.u32(ARGUMENTS + 8) & FUSE_FSYNC_FDATASYNC) !== 0;
  const handle = request.u64(ARGUMENTS);
  return nothing(fileSystem.fsync(exchange.caller, request.node, handle, dataOnly));
}

function syncfs(exchange: Exchange): number {
  return nothing(exchange.fileSystem.syncfs(exchange.caller));
}

/** `struct fuse_fallocate_in`: fh 0, offset 8, length 16, mode 24. */
function fallocate(exchange: Exchange): number {
  const { request, fileSystem } = exchange;
  const result = fileSystem.fallocate(
    exchange.caller,
    request.node,
    request.u64(ARGUMENTS),
    request.u64(ARGUMENTS + 8),
    request.u64(ARGUMENTS + 16),
    request.u32(ARGUMENTS + 24),
  );
  return nothing(result);
}

/** `struct fuse_lseek_in`: fh 0, offset 8, whence 16. */
function lseek(exchange: Exchange): number {
  const { request, fileSystem, reply } = exchange;
  const whence = request.u32(ARGUMENTS + 16);
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return EINVAL;
  const handle = request.u64(ARGUMENTS);
  const offset = request.u64(ARGUMENTS + 8);
  const result = fileSystem.lseek(exchange.caller, request.node, handle, offset, whence);
  if (result < 0) return result;
  reply.setU64(0, result);
  return SIZE.LSEEK_OUT;
}

/** `struct fuse_copy_file_range_in`: fh_in, off_in, nodeid_out, fh_out, off_out, len, flags. */
function copyRange(exchange: Exchange, largestBytes: number): number {
  const { request, fileSystem } = exchange;
  return fileSystem.copyFileRange(
    exchange.caller,
    request.node,
    request.u64(ARGUMENTS),
    request.u64(ARGUMENTS + 8),
    request.u64(ARGUMENTS + 16),
    request.u64(ARGUMENTS + 24),
    request.u64(ARGUMENTS + 32),
    Math.min(request.u64(ARGUMENTS + 40), largestBytes),
  );
}

function copyFileRange(exchange: Exchange): number {
  const result = copyRange(exchange, LARGEST_COPY_BYTES);
  if (result < 0) return result;
  exchange.reply.setU32(0, result);
  exchange.reply.setU32(4, 0);
  return SIZE.WRITE_OUT;
}

function copyFileRange64(exchange: Exchange): number {
  const result = copyRange(exchange, Number.MAX_SAFE_INTEGER);
  if (result < 0) return result;
  exchange.reply.setU64(0, result);
  return SIZE.COPY_FILE_RANGE_OUT;
}

/**
 * `struct fuse_ioctl_in`: fh 0, flags 8, cmd 12, arg 16, in_size 24, out_size 28; the input. Only
 * commands whose number tells direction and size come here; the answer has the full output size.
 */
function ioctl(exchange: Exchange): number {
  const { request, fileSystem, reply } = exchange;
  const inputBytes = request.u32(ARGUMENTS + 24);
  const outputBytes = request.u32(ARGUMENTS + 28);
  const begin = ARGUMENTS + SIZE.IOCTL_IN;
  if ((request.u32(ARGUMENTS + 8) & FUSE_IOCTL_UNRESTRICTED) !== 0) return ENOTTY;
  if (begin + inputBytes > request.end) return EINVAL;
  if (SIZE.IOCTL_OUT + outputBytes > reply.capacity) return EINVAL;
  reply.clear(0, SIZE.IOCTL_OUT + outputBytes);
  const result = fileSystem.ioctl(
    exchange.caller,
    request.node,
    request.u64(ARGUMENTS),
    request.u32(ARGUMENTS + 12),
    request.u64(ARGUMENTS + 16),
    request.bytes(begin, begin + inputBytes),
    reply.body(SIZE.IOCTL_OUT, outputBytes),
  );
  if (result < 0) return result;
  return result > outputBytes ? EIO : SIZE.IOCTL_OUT + outputBytes;
}

export const FILE_OPERATIONS: OperationGroup = {
  [OPCODE.OPEN]: { argumentBytes: SIZE.OPEN_IN, run: open },
  [OPCODE.READ]: { argumentBytes: SIZE.READ_IN, run: read },
  [OPCODE.WRITE]: { argumentBytes: SIZE.WRITE_IN, run: write },
  [OPCODE.FLUSH]: { argumentBytes: SIZE.FLUSH_IN, run: flush },
  [OPCODE.RELEASE]: { argumentBytes: SIZE.RELEASE_IN, run: release },
  [OPCODE.FSYNC]: { argumentBytes: SIZE.FSYNC_IN, run: fsync },
  [OPCODE.SYNCFS]: { argumentBytes: SIZE.SYNCFS_IN, run: syncfs },
  [OPCODE.FALLOCATE]: { argumentBytes: SIZE.FALLOCATE_IN, run: fallocate },
  [OPCODE.LSEEK]: { argumentBytes: SIZE.LSEEK_IN, run: lseek },
  [OPCODE.COPY_FILE_RANGE]: { argumentBytes: SIZE.COPY_FILE_RANGE_IN, run: copyFileRange },
  [OPCODE.COPY_FILE_RANGE_64]: { argumentBytes: SIZE.COPY_FILE_RANGE_IN, run: copyFileRange64 },
  [OPCODE.IOCTL]: { argumentBytes: SIZE.IOCTL_IN, run: ioctl },
};
