/**
 * Memory whose address is known: buffers that system calls fill or send, with the address taken once.
 *
 * @module
 */

import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "./constants.ts";

const PAGE_BYTES = 4096;
/** MAP_FAILED as the pointer's value. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** Bytes and their address. */
export interface Mapping {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where `bytes` begins. */
  readonly address: number;
}

/**
 * Maps pages (mmap), from the beginning of a page. Without a descriptor the pages are private, zeroed memory.
 * @param lengthBytes more than 0.
 */
export function mapMemory(
  lengthBytes: number,
  file?: { descriptor: number; offsetBytes: number; protection: number; flags: number },
): Mapping {
  const pointer = libc().mmap(
    0n,
    BigInt(lengthBytes),
    file?.protection ?? (PROT_READ | PROT_WRITE),
    file?.flags ?? (MAP_PRIVATE | MAP_ANONYMOUS),
    file?.descriptor ?? -1,
    BigInt(file?.offsetBytes ?? 0),
  );
  if (pointer === null) throw new SystemError(ERRNO.ENOMEM, "mmap");
  const value = Deno.UnsafePointer.value(pointer);
  if (BigInt.asUintN(64, BigInt(value)) === MAP_FAILED) throw new SystemError(errno(), "mmap");
  return {
    bytes: new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, lengthBytes)),
    address: Number(value),
  };
}

/**
 * Memory of the collector's, so that none can be touched after it is gone, whose byte number
 * `headBytes` lies at the beginning of a page.
 */
export function alignedMemory(lengthBytes: number, headBytes: number): Mapping {
  const memory = new Uint8Array(lengthBytes + PAGE_BYTES);
  const begin = addressOf(memory);
  const skip = (PAGE_BYTES - (begin + headBytes) % PAGE_BYTES) % PAGE_BYTES;
  return { bytes: memory.subarray(skip, skip + lengthBytes), address: begin + skip };
}

/** Gives a mapping back. Its bytes must not be touched afterwards. */
export function unmapMemory(mapping: Mapping): void {
  checked(libc().munmap(BigInt(mapping.address), BigInt(mapping.bytes.length)), "munmap");
}

/**
 * The address of the first byte of `bytes`. Valid as long as the caller keeps `bytes`; its buffer must
 * not be transferred or resized.
 */
export function addressOf(bytes: Uint8Array): number {
  // Asking for `.buffer` moves the bytes of a very small array out of the collector's reach for good.
  if (bytes.buffer.byteLength === 0) return 0;
  // memset answers its first argument: ten times as fast as Deno.UnsafePointer.of and .value.
  return Number(libc().memset(bytes as Uint8Array<ArrayBuffer>, 0, 0n));
}
