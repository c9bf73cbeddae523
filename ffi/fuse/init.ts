/**
 * The negotiation: what the kernel offers in INIT, what is taken, and the answer.
 *
 * @module
 */

import { CAPABILITY, FUSE_MAJOR, FUSE_MINOR, FUSE_OLDEST_MINOR, PAGE_BYTES, SIZE } from "./abi.ts";
import type { ServerSettings } from "./options.ts";
import type { Connection } from "./port.ts";
import type { Reply } from "./reply.ts";
import type { Request } from "./request.ts";

const EPROTO = -71;
const INIT_IN_WITHOUT_FLAGS2 = 16;

/** What was agreed. */
export class Agreement implements Connection {
  readonly major = FUSE_MAJOR;

  /** @param low bits 0 to 31, @param high bits 32 to 63 of the capabilities on which both agree. */
  constructor(
    readonly minor: number,
    readonly low: number,
    readonly high: number,
    readonly maxWriteBytes: number,
  ) {}

  has(bit: number): boolean {
    const word = bit < 32 ? this.low : this.high;
    return ((word >>> (bit & 31)) & 1) === 1;
  }
}

/** The capabilities that are always asked for. */
const WANTED: readonly number[] = [
  CAPABILITY.ASYNC_READ,
  CAPABILITY.BIG_WRITES,
  CAPABILITY.DONT_MASK,
  CAPABILITY.HAS_IOCTL_DIR,
  CAPABILITY.ASYNC_DIO,
  CAPABILITY.NO_OPEN_SUPPORT,
  CAPABILITY.PARALLEL_DIROPS,
  CAPABILITY.ABORT_ERROR,
  CAPABILITY.MAX_PAGES,
  CAPABILITY.CACHE_SYMLINKS,
  CAPABILITY.NO_OPENDIR_SUPPORT,
  CAPABILITY.SETXATTR_EXT,
  CAPABILITY.INIT_EXT,
  CAPABILITY.HAS_EXPIRE_ONLY,
];

/** The capabilities that these settings ask for. */
export function wantedCapabilities(settings: ServerSettings): number[] {
  const wanted = [...WANTED, ...settings.capabilities];
  wanted.push(
    settings.onlyWriter ? CAPABILITY.EXPLICIT_INVAL_DATA : CAPABILITY.AUTO_INVAL_DATA,
  );
  if (settings.writeback) wanted.push(CAPABILITY.WRITEBACK_CACHE);
  if (settings.posixAcl) wanted.push(CAPABILITY.POSIX_ACL);
  if (settings.killpriv) wanted.push(CAPABILITY.HANDLE_KILLPRIV_V2);
  if (settings.allowMmap) wanted.push(CAPABILITY.DIRECT_IO_ALLOW_MMAP);
  if (settings.readdirplus) {
    wanted.push(CAPABILITY.DO_READDIRPLUS, CAPABILITY.READDIRPLUS_AUTO);
  }
  if (settings.exportSupport) wanted.push(CAPABILITY.EXPORT_SUPPORT);
  if (settings.allowIdmap) wanted.push(CAPABILITY.ALLOW_IDMAP);
  return wanted;
}

/** A negotiation's outcome: the body's length, or a negated errno; `agreement` when one was reached. */
export interface Negotiation {
  readonly result: number;
  readonly agreement: Agreement | undefined;
}

/**
 * Answers INIT. A newer major version is answered with ours alone, whereupon the kernel asks again.
 * An older major version, or a minor version before 31, is refused with EPROTO.
 */
export function negotiate(request: Request, reply: Reply, settings: ServerSettings): Negotiation {
  const at = SIZE.IN_HEADER;
  const major = request.u32(at);
  const minor = request.u32(at + 4);
  if (major > FUSE_MAJOR) {
    reply.clear(0, SIZE.INIT_OUT);
    reply.setU32(0, FUSE_MAJOR);
    reply.setU32(4, FUSE_MINOR);
    return { result: SIZE.INIT_OUT, agreement: undefined };
  }
  if (major < FUSE_MAJOR || minor < FUSE_OLDEST_MINOR) {
    return { result: EPROTO, agreement: undefined };
  }
  const agreement = agree(request, minor, settings);
  writeAnswer(reply, agreement, request.u32(at + 8), settings);
  return { result: SIZE.INIT_OUT, agreement };
}

function agree(request: Request, minor: number, settings: ServerSettings): Agreement {
  const at = SIZE.IN_HEADER;
  const offeredLow = request.u32(at + 12);
  const extended = ((offeredLow >>> CAPABILITY.INIT_EXT) & 1) === 1 &&
    request.argumentBytes > INIT_IN_WITHOUT_FLAGS2 + 3;
  const offeredHigh = extended ? request.u32(at + INIT_IN_WITHOUT_FLAGS2) : 0;
  let low = 0;
  let high = 0;
  for (const bit of wantedCapabilities(settings)) {
    if (bit < 32) low |= 1 << bit;
    else high |= 1 << (bit - 32);
  }
  low &= offeredLow;
  const maxPages = ((low >>> CAPABILITY.MAX_PAGES) & 1) === 1;
  // Without MAX_PAGES a request carries at most 32 pages.
  const limit = maxPages
    ? settings.maxWriteBytes
    : Math.min(settings.maxWriteBytes, 32 * PAGE_BYTES);
  return new Agreement(Math.min(minor, FUSE_MINOR), low >>> 0, (high & offeredHigh) >>> 0, limit);
}

/** `struct fuse_init_out`, 64 bytes. */
function writeAnswer(
  reply: Reply,
  agreement: Agreement,
  maxReadAhead: number,
  settings: ServerSettings,
): void {
  reply.clear(0, SIZE.INIT_OUT);
  reply.setU32(0, FUSE_MAJOR);
  reply.setU32(4, agreement.minor);
  reply.setU32(8, maxReadAhead);
  reply.setU32(12, agreement.low);
  reply.setU16(16, settings.maxBackground);
  reply.setU16(18, Math.ceil(settings.maxBackground * 3 / 4));
  reply.setU32(20, agreement.maxWriteBytes);
  reply.setU32(24, 1);
  reply.setU16(28, agreement.maxWriteBytes / PAGE_BYTES);
  reply.setU16(30, settings.mapAlignment);
  reply.setU32(32, agreement.high);
}
