/**
 * A packed virtqueue in guest memory (virtio 1.2, section 2.8), from the device's side.
 *
 * @module
 */

import { DESCRIPTOR_BYTES } from "./abi.ts";
import type { Chain } from "./chain.ts";
import type { MemoryTable } from "./memory_table.ts";
import { BROKEN, NONE, part, type Ring, type RingAddresses } from "./ring.ts";

/** Bits of a descriptor's flags (VIRTQ_DESC_F_*). */
const NEXT = 1;
const WRITE = 2;
const AVAILABLE = 1 << 7;
const USED = 1 << 15;
/** Flags of the event areas. */
const EVENTS_ON = 0;
const EVENTS_OFF = 1;
const EVENTS_AT = 2;
const WRAP = 1 << 15;
const PLACE = WRAP - 1;

/** A place in the ring, and how often the ring was gone round: odd or even. */
interface Cursor {
  index: number;
  wrap: boolean;
}

/** The state in one number: available index and wrap in the low half, used ones in the high half. */
function cursorOf(half: number): Cursor {
  return { index: half & PLACE, wrap: (half & WRAP) !== 0 };
}

function halfOf({ index, wrap }: Cursor): number {
  return index | (wrap ? WRAP : 0);
}

/** See the module. A chain's ticket is its buffer id and, in the high half, its number of descriptors. */
export class PackedRing implements Ring {
  readonly #descriptors: DataView;
  readonly #flags: Uint16Array<ArrayBuffer>;
  /** Where the driver says which interrupts it wants, and we which kicks: place and wrap; flags. */
  readonly #driver: Uint16Array<ArrayBuffer>;
  readonly #device: Uint16Array<ArrayBuffer>;
  readonly #available: Cursor;
  readonly #used: Cursor;
  /** Where the guest was interrupted last; -1 when that is not known. */
  #signalled = -1;
  #gave = false;

  /**
   * @param size at most 32768.
   * @param base as `state`.
   * @throws ProtocolFault when a part lies outside the memory table or is not aligned.
   */
  constructor(
    memory: MemoryTable,
    readonly size: number,
    addresses: RingAddresses,
    base: number,
    readonly eventIndex: boolean,
  ) {
    const table = part(memory, addresses.descriptors, size * DESCRIPTOR_BYTES, 16, "descriptors");
    this.#descriptors = new DataView(table.buffer, table.byteOffset, table.byteLength);
    this.#flags = new Uint16Array(table.buffer, table.byteOffset, size * 8);
    const driver = part(memory, addresses.available, 4, 4, "driver's event area");
    this.#driver = new Uint16Array(driver.buffer, driver.byteOffset, 2);
    const device = part(memory, addresses.used, 4, 4, "device's event area");
    this.#device = new Uint16Array(device.buffer, device.byteOffset, 2);
    this.#available = cursorOf(base & 0xffff);
    this.#used = cursorOf(base >>> 16);
    this.#available.index %= size;
    this.#used.index %= size;
  }

  get state(): number {
    return (halfOf(this.#available) | halfOf(this.#used) << 16) >>> 0;
  }

  #isAvailable(index: number, wrap: boolean): boolean {
    const flags = Atomics.load(this.#flags, index * 8 + 7);
    return ((flags & AVAILABLE) !== 0) === wrap && ((flags & USED) !== 0) !== wrap;
  }

  take(chain: Chain, memory: MemoryTable, indirect: boolean): number {
    const { index, wrap } = this.#available;
    if (!this.#isAvailable(index, wrap)) return NONE;
    const count = this.#length(index);
    if (count === 0) {
      chain.fault = "a chain without an end";
      return BROKEN;
    }
    if (!chain.readPacked(memory, this.#descriptors, this.size, index, count, indirect)) {
      return BROKEN;
    }
    const last = (index + count - 1) % this.size;
    const id = this.#descriptors.getUint16(last * DESCRIPTOR_BYTES + 12, true);
    advance(this.#available, count, this.size);
    return id + count * 0x1_0000;
  }

  /** Descriptors of the chain that begins there; 0: more than there are. */
  #length(index: number): number {
    for (let count = 1; count <= this.size; count++) {
      const at = (index + count - 1) % this.size;
      const flags = this.#descriptors.getUint16(at * DESCRIPTOR_BYTES + 14, true);
      if ((flags & NEXT) === 0) return count;
    }
    return 0;
  }

  give(ticket: number, lengthBytes: number): void {
    const { index, wrap } = this.#used;
    const at = index * DESCRIPTOR_BYTES;
    this.#descriptors.setUint32(at + 8, lengthBytes, true);
    this.#descriptors.setUint16(at + 12, ticket & 0xffff, true);
    const flags = (lengthBytes > 0 ? WRITE : 0) | (wrap ? AVAILABLE | USED : 0);
    Atomics.store(this.#flags, index * 8 + 7, flags);
    advance(this.#used, Math.floor(ticket / 0x1_0000), this.size);
    this.#gave = true;
  }

  takeSignal(): boolean {
    if (!this.#gave) return false;
    this.#gave = false;
    const old = this.#signalled;
    this.#signalled = this.#used.index;
    const flags = Atomics.load(this.#driver, 1);
    if (flags === EVENTS_OFF) return false;
    if (flags !== EVENTS_AT || !this.eventIndex || old < 0) return true;
    const event = Atomics.load(this.#driver, 0);
    const place = (event & PLACE) - (((event & WRAP) !== 0) === this.#used.wrap ? 0 : this.size);
    return ((this.#used.index - place - 1) & 0xffff) < ((this.#used.index - old) & 0xffff);
  }

  awaitKick(): boolean {
    if (this.eventIndex) {
      Atomics.store(this.#device, 0, halfOf(this.#available));
      Atomics.store(this.#device, 1, EVENTS_AT);
    } else {
      Atomics.store(this.#device, 1, EVENTS_ON);
    }
    return this.#isAvailable(this.#available.index, this.#available.wrap);
  }

  refuseKicks(): void {
    if (!this.eventIndex) Atomics.store(this.#device, 1, EVENTS_OFF);
  }
}

function advance(cursor: Cursor, count: number, size: number): void {
  cursor.index += count;
  if (cursor.index < size) return;
  cursor.index -= size;
  cursor.wrap = !cursor.wrap;
}
