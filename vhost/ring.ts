/**
 * What split and packed virtqueues have in common, from the device's side.
 *
 * @module
 */

import type { Chain } from "./chain.ts";
import { ProtocolFault } from "./fault.ts";
import type { MemoryTable } from "./memory_table.ts";

/** Where a queue's three parts are, by the front-end's addresses. */
export interface RingAddresses {
  readonly descriptors: number;
  readonly used: number;
  readonly available: number;
}

/** No chain is there. */
export const NONE = -1;
/** The guest broke the rules: the chain's `fault` tells how. */
export const BROKEN = -2;

/** A ring in guest memory. */
export interface Ring {
  /** What a later start goes on from (GET_VRING_BASE). */
  readonly state: number;
  /**
   * Takes the next chain.
   * @param indirect whether indirect tables were agreed on.
   * @returns a ticket with which it is given back; NONE or BROKEN when there is none to take.
   */
  take(chain: Chain, memory: MemoryTable, indirect: boolean): number;
  /** Gives a chain back. @param lengthBytes how much of its writable part was written. */
  give(ticket: number, lengthBytes: number): void;
  /** Whether the guest wants an interrupt for what was given back since the last one; then takes it as sent. */
  takeSignal(): boolean;
  /** Asks the guest for a kick with the next chain. @returns whether chains are there already. */
  awaitKick(): boolean;
  /** Tells the guest that chains are being looked for: it need not kick. */
  refuseKicks(): void;
}

/** A part of a ring. @throws ProtocolFault when it is not in memory, or not aligned */
export function part(
  memory: MemoryTable,
  address: number,
  lengthBytes: number,
  alignment: number,
  name: string,
): Uint8Array<ArrayBuffer> {
  const view = memory.userView(address, lengthBytes);
  if (view === undefined) throw new ProtocolFault(`the ${name} is not in the memory table`);
  if (view.byteOffset % alignment !== 0) throw new ProtocolFault(`the ${name} is not aligned`);
  return view;
}
