/**
 * Files mapped into the guest (DAX): SETUPMAPPING and REMOVEMAPPING of FUSE become requests to the
 * front-end, which maps the file into the device's shared memory region.
 *
 * @module
 */

import { OPCODE, SIZE } from "../ffi/fuse/abi.ts";
import type { Exchange } from "../ffi/fuse/exchange.ts";
import type { OperationGroup } from "../ffi/fuse/operations/operation.ts";
import { DEFERRED } from "../ffi/fuse/port.ts";
import { close } from "../ffi/libc/file.ts";
import { BACKEND_REQUEST, MAP_BYTES, MAP_WRITABLE } from "./abi.ts";
import type { BackChannel } from "./back_channel.ts";
import { u64Payload } from "./payload.ts";

/** A file that was opened for a mapping. The caller closes it. */
export interface OpenedForMapping {
  readonly descriptor: number;
  /** Whether it can be mapped for writing; more than was asked for, perhaps. */
  readonly writable: boolean;
}

/** A file system whose files can be mapped. */
export interface Mappable {
  /** Opens a node's file. @returns a negated errno when it cannot be */
  openForMapping(node: number, writable: boolean): OpenedForMapping | number;
}

/** What lies in the window. All in bytes. */
interface Mapped {
  readonly offset: number;
  readonly length: number;
  readonly node: number;
  readonly fileOffset: number;
  readonly writable: boolean;
}

/** The window's mappings, by where they begin. */
class Window {
  readonly #mapped = new Map<number, Mapped>();

  add(mapped: Mapped): void {
    this.#mapped.set(mapped.offset, mapped);
  }

  remove(offset: number): void {
    this.#mapped.delete(offset);
  }

  /** Whether just this is mapped already; a guest asks again in order to write. */
  holds({ offset, length, node, fileOffset, writable }: Mapped): boolean {
    const there = this.#mapped.get(offset);
    return there !== undefined && there.length === length && there.node === node &&
      there.fileOffset === fileOffset && (there.writable || !writable);
  }

  /** Takes out what overlaps a range. */
  takeOverlapping(offset: number, length: number): readonly Mapped[] {
    const found = [...this.#mapped.values()].filter((one) => {
      return one.offset < offset + length && offset < one.offset + one.length;
    });
    for (const one of found) this.#mapped.delete(one.offset);
    return found;
  }
}

const ARGUMENTS = SIZE.IN_HEADER;
/** `struct fuse_setupmapping_in`: fh 0, file offset 8, length 16, flags 24, window offset 32. */
const SETUP_BYTES = 40;
const SETUP_WRITE = 1;
/** `struct fuse_removemapping_in`: the count; then offset and length of each. */
const REMOVE_BYTES = 4;
const REMOVE_ONE_BYTES = 16;
/** What one request can hold. */
const MOST_REMOVED = 512;
const PAGE_BYTES = 4096;
const EINVAL = -22;
const EIO = -5;
const EOPNOTSUPP = -95;

/** Whether the range lies in the window, on pages. */
function fits(offset: number, length: number, windowBytes: number): boolean {
  return length > 0 && offset % PAGE_BYTES === 0 && length % PAGE_BYTES === 0 &&
    offset + length <= windowBytes;
}

function mapPayload(
  fileOffset: number,
  windowOffset: number,
  length: number,
  flags: number,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(MAP_BYTES);
  [fileOffset, windowOffset, length, flags].forEach((value, index) => {
    payload.set(u64Payload(value), 8 + index * 8);
  });
  return payload;
}

/** What a device that maps files has besides. */
export interface DaxService {
  readonly operations: OperationGroup;
  /** Takes all mappings out of the window: the guest's session is over. */
  readonly clear: () => void;
}

/**
 * The two operations.
 * @param channel the front-end's, undefined where it has none.
 * @param windowBytes size of the shared memory region.
 */
export function daxOperations(
  files: Mappable,
  channel: () => BackChannel | undefined,
  windowBytes: number,
): DaxService {
  const window = new Window();
  const unmap = (back: BackChannel, { offset, length }: Mapped) => {
    back.ask(BACKEND_REQUEST.SHMEM_UNMAP, mapPayload(0, offset, length, 0), [], () => {});
  };
  const setUp = ({ request, server, caller }: Exchange): number => {
    const fileOffset = request.u64(ARGUMENTS + 8);
    const length = request.u64(ARGUMENTS + 16);
    const writable = (request.u32(ARGUMENTS + 24) & SETUP_WRITE) !== 0;
    const windowOffset = request.u64(ARGUMENTS + 32);
    if (!fits(windowOffset, length, windowBytes)) return EINVAL;
    if (fileOffset % PAGE_BYTES !== 0 || fileOffset + length > Number.MAX_SAFE_INTEGER) {
      return EINVAL;
    }
    const back = channel();
    if (back === undefined) return EOPNOTSUPP;
    const place = { offset: windowOffset, length, node: request.node, fileOffset };
    if (window.holds({ ...place, writable })) return 0;
    const opened = files.openForMapping(request.node, writable);
    if (typeof opened === "number") return opened;
    // Front-ends take no mapping over another.
    for (const mapped of window.takeOverlapping(windowOffset, length)) unmap(back, mapped);
    const flags = opened.writable ? MAP_WRITABLE : 0;
    const payload = mapPayload(fileOffset, windowOffset, length, flags);
    const { unique } = caller;
    window.add({ ...place, writable: opened.writable });
    const done = (result: number) => {
      if (result < 0) window.remove(windowOffset);
      server.complete(unique, result);
    };
    const sent = back.ask(BACKEND_REQUEST.SHMEM_MAP, payload, [opened.descriptor], done);
    close(opened.descriptor);
    if (!sent) window.remove(windowOffset);
    return sent ? DEFERRED : EIO;
  };
  const remove = ({ request, server, caller }: Exchange): number => {
    const count = request.u32(ARGUMENTS);
    const end = ARGUMENTS + REMOVE_BYTES + count * REMOVE_ONE_BYTES;
    if (count === 0 || count > MOST_REMOVED || end > request.end) return EINVAL;
    const ranges = Array.from({ length: count }, (_, index) => {
      const at = ARGUMENTS + REMOVE_BYTES + index * REMOVE_ONE_BYTES;
      return { offset: request.u64(at), length: request.u64(at + 8) };
    });
    if (!ranges.every(({ offset, length }) => fits(offset, length, windowBytes))) return EINVAL;
    const back = channel();
    if (back === undefined) return EOPNOTSUPP;
    const { unique } = caller;
    let left = ranges.length;
    let failure = 0;
    const done = (result: number) => {
      failure ||= result;
      if (--left === 0) server.complete(unique, failure);
    };
    for (const { offset, length } of ranges) {
      window.takeOverlapping(offset, length);
      const payload = mapPayload(0, offset, length, 0);
      if (!back.ask(BACKEND_REQUEST.SHMEM_UNMAP, payload, [], done)) {
        failure ||= EIO;
        left--;
      }
    }
    return left === 0 ? failure : DEFERRED;
  };
  const operations = {
    [OPCODE.SETUPMAPPING]: { argumentBytes: SETUP_BYTES, run: setUp },
    [OPCODE.REMOVEMAPPING]: { argumentBytes: REMOVE_BYTES, run: remove },
  };
  const clear = () => {
    const back = channel();
    if (back === undefined) return;
    for (const mapped of window.takeOverlapping(0, windowBytes)) unmap(back, mapped);
  };
  return { operations, clear };
}
