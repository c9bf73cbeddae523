/**
 * Unix stream sockets that carry descriptors beside bytes (SCM_RIGHTS, unix(7)).
 *
 * @module
 */

import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";
import { addressOf } from "./memory.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_FLAGS = O_CLOEXEC;
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CTRUNC = 8;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
/** `sun_path` of `struct sockaddr_un`, with its ending NUL. */
const LONGEST_PATH = 108;
/** `struct cmsghdr`. */
const CONTROL_HEADER_BYTES = 16;
/** The most descriptors that the kernel passes in one message (SCM_MAX_FD). */
const MOST_DESCRIPTORS = 253;

/** Two connected stream sockets. */
export function makeSocketPair(): [number, number] {
  const ends = new Int32Array(2);
  checked(libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0, ends), "socketpair");
  return [ends[0] ?? -1, ends[1] ?? -1];
}

/** `struct sockaddr_un`. Throws ENAMETOOLONG. */
function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(path);
  if (name.length >= LONGEST_PATH) throw new SystemError(ERRNO.ENAMETOOLONG, "bind", path);
  const address = new Uint8Array(2 + LONGEST_PATH);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

function newSocket(): number {
  return checked(libc().socket(AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0), "socket");
}

/** A socket that listens at `path`, which must not exist. */
export function listenAt(path: string, backlog = 16): number {
  const address = unixAddress(path);
  const descriptor = newSocket();
  const bound = libc().bind(descriptor, address, address.length);
  const number = bound < 0 || libc().listen(descriptor, backlog) < 0 ? errno() : 0;
  if (number === 0) return descriptor;
  libc().close(descriptor);
  throw new SystemError(number, "bind", path);
}

/** A socket connected to the one that listens at `path`. */
export function connectTo(path: string): number {
  const address = unixAddress(path);
  const descriptor = newSocket();
  if (libc().connect(descriptor, address, address.length) === 0) return descriptor;
  const number = errno();
  libc().close(descriptor);
  throw new SystemError(number, "connect", path);
}

/** Whether a descriptor is a socket that listens (SO_ACCEPTCONN). */
export function isListening(descriptor: number): boolean {
  const value = new Int32Array(16);
  const length = new Uint32Array(16);
  length[0] = 4;
  const result = libc().getsockopt(
    descriptor,
    SOL_SOCKET,
    SO_ACCEPTCONN,
    new Uint8Array(value.buffer),
    new Uint8Array(length.buffer),
  );
  return result === 0 && value[0] === 1;
}

/** Accepts a connection, non-blocking; -1 when none is waiting any more. */
export function acceptConnection(listening: number): number {
  const result = libc().accept4(listening, null, null, O_CLOEXEC | O_NONBLOCK);
  if (result >= 0) return result;
  const number = errno();
  if (number === ERRNO.EAGAIN || number === ERRNO.EINTR || number === ERRNO.ECONNABORTED) return -1;
  throw new SystemError(number, "accept");
}

/** The records of one message, kept alive together. */
interface Records {
  readonly header: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly control: Uint8Array<ArrayBuffer>;
  readonly vector: BigUint64Array<ArrayBuffer>;
}

function messageRecords(bytes: Uint8Array, controlBytes: number): Records {
  // `struct msghdr` has 56 bytes; arrays beyond 64 stay where they are.
  const header = new Uint8Array(128);
  const view = new DataView(header.buffer);
  const control = new Uint8Array(Math.max(controlBytes, 128));
  const vector = new BigUint64Array(16);
  vector[0] = BigInt(addressOf(bytes));
  vector[1] = BigInt(bytes.length);
  view.setBigUint64(16, BigInt(addressOf(new Uint8Array(vector.buffer))), true);
  view.setBigUint64(24, 1n, true);
  if (controlBytes > 0) {
    view.setBigUint64(32, BigInt(addressOf(control)), true);
    view.setBigUint64(40, BigInt(controlBytes), true);
  }
  return { header, view, control, vector };
}

/** What `receive` got. */
export interface Received {
  /** Bytes put into the target; 0: the other end is closed; -1: nothing is there (or a signal came). */
  readonly length: number;
  /** Descriptors that came along; the caller closes them. */
  readonly descriptors: readonly number[];
  /** More descriptors came than there was room for; those were dropped. */
  readonly truncated: boolean;
}

const NOTHING: Received = { length: -1, descriptors: [], truncated: false };

/**
 * Receives bytes and descriptors (recvmsg).
 * @param wait whether to wait for the first byte.
 */
export function receive(
  socket: number,
  target: Uint8Array,
  mostDescriptors: number,
  wait = false,
): Received {
  const room = CONTROL_HEADER_BYTES + Math.ceil(mostDescriptors * 4 / 8) * 8;
  const records = messageRecords(target, room);
  const flags = MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT);
  const length = libc().recvmsg(socket, records.header, flags);
  if (length < 0) {
    const number = errno();
    if (number === ERRNO.EAGAIN || number === ERRNO.EINTR) return NOTHING;
    throw new SystemError(number, "recvmsg");
  }
  const truncated = (records.view.getUint32(48, true) & MSG_CTRUNC) !== 0;
  return { length, descriptors: receivedDescriptors(records), truncated };
}

function receivedDescriptors({ view, control }: Records): number[] {
  const descriptors: number[] = [];
  const end = Math.min(Number(view.getBigUint64(40, true)), control.length);
  const words = new DataView(control.buffer);
  let at = 0;
  while (at + CONTROL_HEADER_BYTES <= end) {
    const bytes = Number(words.getBigUint64(at, true));
    if (bytes < CONTROL_HEADER_BYTES) break;
    const rights = words.getInt32(at + 8, true) === SOL_SOCKET &&
      words.getInt32(at + 12, true) === SCM_RIGHTS;
    const last = Math.min(at + bytes, end);
    for (let one = at + CONTROL_HEADER_BYTES; rights && one + 4 <= last; one += 4) {
      descriptors.push(words.getInt32(one, true));
    }
    at += Math.ceil(bytes / 8) * 8;
  }
  return descriptors;
}

/**
 * Sends bytes with descriptors (sendmsg). Descriptors stay open here.
 * @returns bytes sent; -1 when the socket takes none now.
 * @throws SystemError EPIPE when the other end is closed; no signal is raised.
 */
export function send(
  socket: number,
  bytes: Uint8Array,
  descriptors: readonly number[] = [],
): number {
  if (descriptors.length > MOST_DESCRIPTORS) throw new SystemError(ERRNO.EINVAL, "sendmsg");
  const used = descriptors.length === 0 ? 0 : CONTROL_HEADER_BYTES + descriptors.length * 4;
  const records = messageRecords(bytes, Math.ceil(used / 8) * 8);
  const words = new DataView(records.control.buffer);
  words.setBigUint64(0, BigInt(used), true);
  words.setInt32(8, SOL_SOCKET, true);
  words.setInt32(12, SCM_RIGHTS, true);
  descriptors.forEach((descriptor, index) => {
    words.setInt32(CONTROL_HEADER_BYTES + index * 4, descriptor, true);
  });
  const sent = libc().sendmsg(socket, records.header, MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  const number = errno();
  if (number === ERRNO.EAGAIN || number === ERRNO.EINTR) return -1;
  throw new SystemError(number, "sendmsg");
}

/** A file in memory alone, of that size, closed on exec (memfd_create). */
export function makeMemoryFile(name: string, sizeBytes: number): number {
  const text = new TextEncoder().encode(`${name}\0`);
  const descriptor = checked(libc().memfd_create(text, 1), "memfd_create");
  checked(libc().ftruncate(descriptor, BigInt(sizeBytes)), "ftruncate");
  return descriptor;
}

const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SHRINK and F_SEAL_GROW. */
const SIZE_SEALS = 6;

/** A file in memory that keeps its size: nobody who is handed it can take it away under others. */
export function makeSealedFile(name: string, sizeBytes: number): number {
  const text = new TextEncoder().encode(`${name}\0`);
  const descriptor = checked(libc().memfd_create(text, 1 | MFD_ALLOW_SEALING), "memfd_create");
  checked(libc().ftruncate(descriptor, BigInt(sizeBytes)), "ftruncate");
  checked(libc().fcntl(descriptor, F_ADD_SEALS, SIZE_SEALS), "fcntl");
  return descriptor;
}
