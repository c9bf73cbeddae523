/**
 * Listening for TCP connections (ip(7), ipv6(7), tcp(7)).
 *
 * @module
 */

import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const BACKLOG = 16;
/** `struct sockaddr_in6`; that of version 4 has 16 bytes. */
const ADDRESS_BYTES = 28;

/** Where to listen. */
export interface TcpAddress {
  /** 4 or 16 bytes. */
  readonly host: readonly number[];
  readonly port: number;
}

/**
 * Reads `PORT` (of 127.0.0.1), `HOST:PORT` or `[HOST]:PORT` with a numeric address or `localhost`.
 * @returns undefined for anything else.
 */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  const parts = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3] ?? NaN);
  if (!(port <= 0xffff)) return undefined;
  const version6 = parts?.[1];
  const host = version6 === undefined ? version4Bytes(parts?.[2] ?? "") : version6Bytes(version6);
  return host === undefined ? undefined : { host, port };
}

function version4Bytes(text: string): number[] | undefined {
  if (text === "" || text === "localhost") return [127, 0, 0, 1];
  const numbers = text.split(".").map((word) => /^\d{1,3}$/.test(word) ? Number(word) : NaN);
  return numbers.length === 4 && numbers.every((number) => number < 256) ? numbers : undefined;
}

function version6Bytes(text: string): number[] | undefined {
  const [front = "", back, more] = text.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const [head, tail] = [groups(front), groups(back ?? "")];
  const missing = 8 - head.length - tail.length;
  if (more !== undefined || (back === undefined ? missing !== 0 : missing < 1)) return undefined;
  const words = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!words.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))) return undefined;
  return words.flatMap((word) => [parseInt(word, 16) >> 8, parseInt(word, 16) & 0xff]);
}

/** A socket that listens; it is handed over to programs that this process becomes. */
export function listenTcp({ host, port }: TcpAddress): number {
  const isVersion4 = host.length === 4;
  const address = new Uint8Array(ADDRESS_BYTES + 64);
  const view = new DataView(address.buffer);
  view.setUint16(0, isVersion4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port, false);
  address.set(host, isVersion4 ? 4 : 8);
  const family = isVersion4 ? AF_INET : AF_INET6;
  const descriptor = checked(libc().socket(family, SOCK_STREAM, 0), "socket");
  const on = new Uint8Array(64);
  on[0] = 1;
  libc().setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, on, 4);
  const bound = libc().bind(descriptor, address, isVersion4 ? 16 : ADDRESS_BYTES);
  const number = bound < 0 || libc().listen(descriptor, BACKLOG) < 0 ? errno() : 0;
  if (number === 0) return descriptor;
  libc().close(descriptor);
  throw new SystemError(number, "bind");
}

/** The port at which a socket listens. */
export function portOf(descriptor: number): number {
  const address = new Uint8Array(128);
  const length = new Uint8Array(64);
  length[0] = 128;
  checked(libc().getsockname(descriptor, address, length), "getsockname");
  return new DataView(address.buffer).getUint16(2, false);
}

/** Accepts one connection, non-blocking; -1 when none is there, or it has gone. */
export function acceptTcp(listening: number): number {
  return libc().accept4(listening, null, null, O_CLOEXEC | O_NONBLOCK);
}
