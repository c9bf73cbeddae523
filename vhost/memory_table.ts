/**
 * The guest's memory as the front-end shares it: regions of files, mapped here, found by the guest's
 * physical addresses (buffers) or by the front-end's virtual addresses (rings).
 *
 * @module
 */

import { MAP_SHARED, PROT_READ, PROT_WRITE, S_IFREG } from "../ffi/libc/constants.ts";
import { mapMemory, type Mapping, unmapMemory } from "../ffi/libc/memory.ts";
import { fileType, status } from "../ffi/libc/status.ts";
import { MOST_MEMORY_SLOTS } from "./abi.ts";
import { ProtocolFault, RequestRefused, textOf } from "./fault.ts";

const PAGE_BYTES = 4096;
/** The guest's and the front-end's address spaces end here at the latest. */
const ADDRESS_LIMIT = Number.MAX_SAFE_INTEGER;

/** A region as the front-end describes it; all in bytes. */
export interface RegionDescription {
  readonly guestAddress: number;
  readonly sizeBytes: number;
  readonly userAddress: number;
  /** Where the region begins in its file. */
  readonly fileOffset: number;
}

/** A mapped region. `begin` is where it begins in the mapping's buffer. */
interface Region extends RegionDescription {
  readonly mapping: Mapping;
  readonly buffer: ArrayBuffer;
  readonly begin: number;
}

/** The regions of one front-end. Views that it gave must not be used once their region is gone. */
export class MemoryTable {
  #regions: Region[] = [];
  /** The region that held the address asked for last. */
  #last: Region | undefined;

  get count(): number {
    return this.#regions.length;
  }

  /**
   * Maps a region. The descriptor stays the caller's.
   * @throws ProtocolFault for numbers that cannot be; RequestRefused when the file does not hold the region.
   */
  add(description: RegionDescription, descriptor: number): void {
    checkRange(description);
    if (this.#regions.length >= MOST_MEMORY_SLOTS) {
      throw new RequestRefused(`more than ${MOST_MEMORY_SLOTS} memory regions`);
    }
    for (const other of this.#regions) {
      if (overlaps(other.guestAddress, other.sizeBytes, description.guestAddress, description)) {
        throw new ProtocolFault("memory regions overlap in the guest's address space");
      }
      if (overlaps(other.userAddress, other.sizeBytes, description.userAddress, description)) {
        throw new ProtocolFault("memory regions overlap in the front-end's address space");
      }
    }
    this.#regions.push(mapRegion(description, descriptor));
  }

  /** Unmaps a region. @throws RequestRefused when there is none of these addresses and size. */
  remove(description: RegionDescription): void {
    const index = this.#regions.findIndex((region) =>
      region.guestAddress === description.guestAddress &&
      region.userAddress === description.userAddress &&
      region.sizeBytes === description.sizeBytes
    );
    const region = this.#regions[index];
    if (region === undefined) throw new RequestRefused("no such memory region");
    this.#regions.splice(index, 1);
    this.#last = undefined;
    unmapMemory(region.mapping);
  }

  /** Unmaps everything. */
  clear(): void {
    const regions = this.#regions;
    this.#regions = [];
    this.#last = undefined;
    for (const region of regions) unmapMemory(region.mapping);
  }

  /**
   * Adds views of `lengthBytes` of guest memory from `address` to `pieces`; more than one where regions adjoin.
   * @returns false when part of it is not in the table; `pieces` may have grown.
   */
  collect(address: number, lengthBytes: number, pieces: Uint8Array[]): boolean {
    let at = address;
    let left = lengthBytes;
    while (left > 0) {
      const region = this.#guestRegion(at);
      if (region === undefined) return false;
      const offset = at - region.guestAddress;
      const count = Math.min(left, region.sizeBytes - offset);
      pieces.push(new Uint8Array(region.buffer, region.begin + offset, count));
      at += count;
      left -= count;
    }
    return true;
  }

  #guestRegion(address: number): Region | undefined {
    const last = this.#last;
    if (last !== undefined && holds(last.guestAddress, last.sizeBytes, address)) return last;
    const found = this.#regions.find((one) => holds(one.guestAddress, one.sizeBytes, address));
    if (found !== undefined) this.#last = found;
    return found;
  }

  /** A view of memory by the front-end's address; undefined when it is not within one region. */
  userView(address: number, lengthBytes: number): Uint8Array<ArrayBuffer> | undefined {
    const region = this.#regions.find((one) => holds(one.userAddress, one.sizeBytes, address));
    if (region === undefined) return undefined;
    const offset = address - region.userAddress;
    if (offset + lengthBytes > region.sizeBytes) return undefined;
    return new Uint8Array(region.buffer, region.begin + offset, lengthBytes);
  }
}

function holds(begin: number, sizeBytes: number, address: number): boolean {
  return address >= begin && address - begin < sizeBytes;
}

function overlaps(
  begin: number,
  sizeBytes: number,
  other: number,
  { sizeBytes: otherBytes }: RegionDescription,
): boolean {
  return begin < other + otherBytes && other < begin + sizeBytes;
}

function checkRange({ guestAddress, sizeBytes, userAddress, fileOffset }: RegionDescription): void {
  if (sizeBytes === 0) throw new ProtocolFault("a memory region of 0 bytes");
  for (const begin of [guestAddress, userAddress, fileOffset]) {
    if (begin > ADDRESS_LIMIT - sizeBytes) {
      throw new ProtocolFault(`a memory region that ends beyond 2^53 (0x${begin.toString(16)})`);
    }
  }
}

function mapRegion(description: RegionDescription, descriptor: number): Region {
  const { sizeBytes, fileOffset } = description;
  try {
    const file = status(descriptor);
    // Beyond the file's end a touch would end the process.
    if (fileType(file.mode) === S_IFREG && file.size < fileOffset + sizeBytes) {
      throw new Error(`the file has only ${file.size} bytes`);
    }
    const pageBytes = Math.max(PAGE_BYTES, file.blksize);
    const begin = fileOffset % pageBytes;
    const mapping = mapMemory(Math.ceil((begin + sizeBytes) / pageBytes) * pageBytes, {
      descriptor,
      offsetBytes: fileOffset - begin,
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_SHARED,
    });
    return { ...description, mapping, buffer: mapping.bytes.buffer, begin };
  } catch (error) {
    throw new RequestRefused(`a memory region cannot be mapped: ${textOf(error)}`);
  }
}
