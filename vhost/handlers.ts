/**
 * What each message of the front-end does.
 *
 * @module
 */

import {
  FEATURE,
  LARGEST_CONFIG_BYTES,
  LARGEST_QUEUE,
  MOST_MEMORY_SLOTS,
  MOST_TABLE_REGIONS,
  PROTOCOL_FEATURE,
  REQUEST,
  SHMEM_CONFIG_BYTES,
  VRING_INDEX_MASK,
  VRING_NO_DESCRIPTOR,
} from "./abi.ts";
import { makeSealedFile } from "../ffi/libc/socket.ts";
import { ProtocolFault, RequestRefused } from "./fault.ts";
import { Inflight, inflightBytes } from "./inflight.ts";
import type { RegionDescription } from "./memory_table.ts";
import {
  bitsPayload,
  bitsText,
  hasBit,
  type Payload,
  u64Payload,
  vringStatePayload,
  within,
} from "./payload.ts";
import type { QueueEvent } from "./queue.ts";
import type { Session } from "./session.ts";

/** What a handler answers: a payload; nothing, which is acknowledged where wanted. */
export type Answer = Uint8Array | undefined;

/** How a message is checked, and what it does. */
export interface Handler {
  /** The least and the most bytes of its payload. */
  readonly bytes: readonly [number, number];
  /** The most descriptors; those that `run` leaves in the list are closed. */
  readonly descriptors: number;
  /** The protocol feature without which it may not come. */
  readonly feature?: number;
  /** It waits until no chain is outstanding: answers go into memory that must not be taken away. */
  readonly quiet?: boolean;
  /** @param sent descriptors that go along with the answer, and are closed then. */
  readonly run: (
    session: Session,
    payload: Payload,
    descriptors: number[],
    sent: number[],
  ) => Answer;
}

const NOTHING = [0, 0] as const;
const U64 = [8, 8] as const;
/** `num_regions`, padding; then regions. */
const TABLE_HEAD_BYTES = 8;
const REGION_BYTES = 32;
const ADDRESS_BYTES = 40;
/** offset, size, flags; then the contents. */
const CONFIG_HEAD_BYTES = 12;

function setFeatures(session: Session, payload: Payload): Answer {
  const wanted = payload.bits(0);
  if (!within(wanted, session.offered)) {
    throw new ProtocolFault(`features ${bitsText(wanted)} were not all offered`);
  }
  session.setFeatures(wanted);
  // Without the protocol's features there is no message that enables a queue.
  if (!hasBit(wanted, FEATURE.PROTOCOL_FEATURES)) {
    for (const queue of session.queues) queue.enabled = true;
  }
  for (const queue of session.queues) queue.release();
  return undefined;
}

function setProtocolFeatures(session: Session, payload: Payload): Answer {
  const wanted = payload.bits(0);
  if (!within(wanted, session.offeredProtocol)) {
    throw new ProtocolFault(`protocol features ${bitsText(wanted)} were not all offered`);
  }
  session.protocolFeatures = wanted;
  return undefined;
}

/** guest address, size, front-end's address, offset in the file. */
function regionAt(payload: Payload, at: number): RegionDescription {
  return {
    guestAddress: payload.u64(at),
    sizeBytes: payload.u64(at + 8),
    userAddress: payload.u64(at + 16),
    fileOffset: payload.u64(at + 24),
  };
}

function setMemoryTable(session: Session, payload: Payload, descriptors: number[]): Answer {
  const count = payload.u32(0);
  if (payload.bytes.length !== TABLE_HEAD_BYTES + count * REGION_BYTES) {
    throw new ProtocolFault(`${count} regions`);
  }
  if (descriptors.length !== count) {
    throw new ProtocolFault(`${descriptors.length} descriptors for ${count} regions`);
  }
  for (const queue of session.queues) queue.release();
  session.memory.clear();
  descriptors.forEach((descriptor, index) => {
    session.memory.add(regionAt(payload, TABLE_HEAD_BYTES + index * REGION_BYTES), descriptor);
  });
  return undefined;
}

/** Padding, then one region. */
function addMemory(session: Session, payload: Payload, descriptors: number[]): Answer {
  const descriptor = descriptors[0];
  if (descriptor === undefined) throw new ProtocolFault("no descriptor came along");
  session.memory.add(regionAt(payload, TABLE_HEAD_BYTES), descriptor);
  for (const queue of session.queues) queue.lookAgain();
  return undefined;
}

function removeMemory(session: Session, payload: Payload): Answer {
  for (const queue of session.queues) queue.release();
  session.memory.remove(regionAt(payload, TABLE_HEAD_BYTES));
  return undefined;
}

function setSize(session: Session, payload: Payload): Answer {
  const queue = session.queue(payload.u32(0));
  const size = payload.u32(4);
  if (size === 0 || size > LARGEST_QUEUE || (size & (size - 1)) !== 0) {
    throw new ProtocolFault(`a queue of ${size} descriptors`);
  }
  queue.release();
  queue.size = size;
  return undefined;
}

/** index 0, flags 4, descriptors 8, used 16, available 24, log 32. */
function setAddresses(session: Session, payload: Payload): Answer {
  const queue = session.queue(payload.u32(0));
  if (payload.u32(4) !== 0) throw new ProtocolFault("logging was not offered");
  queue.release();
  queue.addresses = {
    descriptors: payload.u64(8),
    used: payload.u64(16),
    available: payload.u64(24),
  };
  return undefined;
}

function setBase(session: Session, payload: Payload): Answer {
  const queue = session.queue(payload.u32(0));
  const base = payload.u32(4);
  // A packed ring's has the used index, too, and both wraps.
  if (base > 0xffff && !session.queueFeatures.packed) {
    throw new ProtocolFault(`available index ${base}`);
  }
  queue.release();
  queue.base = base;
  return undefined;
}

/** Stops the queue. */
function getBase(session: Session, payload: Payload): Answer {
  const queue = session.queue(payload.u32(0));
  session.unwatchKick(queue);
  return vringStatePayload(queue.index, queue.stop());
}

function eventSetter(which: QueueEvent) {
  return (session: Session, payload: Payload, descriptors: number[]): Answer => {
    const word = payload.u32(0);
    if ((word & ~(VRING_INDEX_MASK | VRING_NO_DESCRIPTOR)) !== 0 || payload.u32(4) !== 0) {
      throw new ProtocolFault(`value 0x${word.toString(16)}`);
    }
    const queue = session.queue(word & VRING_INDEX_MASK);
    const without = (word & VRING_NO_DESCRIPTOR) !== 0;
    if (without !== (descriptors.length === 0)) {
      throw new ProtocolFault(without ? "a descriptor that should not be" : "no descriptor");
    }
    const descriptor = descriptors.shift() ?? -1;
    if (which !== "kick") {
      queue.setEvent(which, descriptor);
      return undefined;
    }
    session.watchKick(queue, descriptor);
    queue.started = true;
    queue.polled = without;
    return undefined;
  };
}

function setEnabled(session: Session, payload: Payload): Answer {
  const queue = session.queue(payload.u32(0));
  const value = payload.u32(4);
  if (value > 1) throw new ProtocolFault(`value ${value}`);
  queue.enabled = value === 1;
  return undefined;
}

function resetOwner(session: Session): Answer {
  for (const queue of session.queues) queue.enabled = false;
  return undefined;
}

/** offset, size, flags, contents. An offset or size that is not in the space is answered without payload. */
function getConfig(session: Session, payload: Payload): Answer {
  const space = session.settings.config ?? new Uint8Array(0);
  const offset = payload.u32(0);
  const size = payload.u32(4);
  if (payload.bytes.length !== CONFIG_HEAD_BYTES + size) throw new ProtocolFault(`size ${size}`);
  if (offset + size > LARGEST_CONFIG_BYTES) return new Uint8Array(0);
  const reply = payload.bytes.slice();
  reply.fill(0, CONFIG_HEAD_BYTES);
  reply.set(space.subarray(offset, offset + size), CONFIG_HEAD_BYTES);
  return reply;
}

function refuseConfig(): Answer {
  throw new RequestRefused("every field of the configuration is read-only");
}

function resetDevice(session: Session): Answer {
  session.resetDevice();
  return undefined;
}

function setBackChannel(session: Session, _payload: Payload, descriptors: number[]): Answer {
  const socket = descriptors.shift();
  if (socket === undefined) throw new ProtocolFault("no descriptor came along");
  session.setBackChannel(socket);
  return undefined;
}

/** One region, number 0: the window of DAX. */
function sharedMemory(session: Session): Answer {
  const reply = new Uint8Array(SHMEM_CONFIG_BYTES);
  const { dax } = session.settings;
  if (dax === undefined) return reply;
  reply[0] = 1;
  reply.set(u64Payload(dax.windowBytes), 8);
  return reply;
}

/** size 0, offset 8, queues 16, their size 18; some senders have padding behind. */
const INFLIGHT_BYTES = [20, 24] as const;
/** That many queues and descriptors are tracked, at most. */
const MOST_INFLIGHT_QUEUES = 64;

function inflightQueues(payload: Payload): { readonly queues: number; readonly size: number } {
  const word = payload.u32(16);
  const [queues, size] = [word & 0xffff, word >>> 16];
  if (queues === 0 || queues > MOST_INFLIGHT_QUEUES || size === 0 || size > LARGEST_QUEUE) {
    throw new ProtocolFault(`${queues} queues of ${size} descriptors`);
  }
  return { queues, size };
}

/** Makes memory for tracking; it is used once the front-end hands it back. */
function getInflight(
  _session: Session,
  payload: Payload,
  _descriptors: number[],
  sent: number[],
): Answer {
  const { queues, size } = inflightQueues(payload);
  const bytes = inflightBytes(queues, size);
  sent.push(makeSealedFile("inflight", bytes));
  const reply = payload.bytes.slice();
  reply.set(u64Payload(bytes), 0);
  reply.set(u64Payload(0), 8);
  return reply;
}

function setInflight(session: Session, payload: Payload, descriptors: number[]): Answer {
  const [descriptor] = descriptors;
  if (descriptor === undefined) throw new ProtocolFault("no descriptor came along");
  const { queues, size } = inflightQueues(payload);
  session.setInflight(new Inflight(descriptor, payload.u64(0), payload.u64(8), queues, size));
  return undefined;
}

/** Status 0 comes whenever a guest is paused, too: the FUSE session goes on until its next INIT. */
function setStatus(session: Session, payload: Payload): Answer {
  session.status = payload.u32(0) & 0xff;
  return undefined;
}

/** Handlers by message. */
export const HANDLERS: Readonly<Record<number, Handler>> = {
  [REQUEST.GET_FEATURES]: {
    bytes: NOTHING,
    descriptors: 0,
    run: (session) => bitsPayload(session.offered),
  },
  [REQUEST.SET_FEATURES]: { bytes: U64, descriptors: 0, quiet: true, run: setFeatures },
  [REQUEST.SET_OWNER]: { bytes: NOTHING, descriptors: 0, run: () => undefined },
  [REQUEST.RESET_OWNER]: { bytes: NOTHING, descriptors: 0, run: resetOwner },
  [REQUEST.SET_MEM_TABLE]: {
    bytes: [TABLE_HEAD_BYTES, TABLE_HEAD_BYTES + MOST_TABLE_REGIONS * REGION_BYTES],
    descriptors: MOST_TABLE_REGIONS,
    quiet: true,
    run: setMemoryTable,
  },
  [REQUEST.SET_VRING_NUM]: { bytes: U64, descriptors: 0, quiet: true, run: setSize },
  [REQUEST.SET_VRING_ADDR]: {
    bytes: [ADDRESS_BYTES, ADDRESS_BYTES],
    descriptors: 0,
    quiet: true,
    run: setAddresses,
  },
  [REQUEST.SET_VRING_BASE]: { bytes: U64, descriptors: 0, quiet: true, run: setBase },
  [REQUEST.GET_VRING_BASE]: { bytes: U64, descriptors: 0, quiet: true, run: getBase },
  [REQUEST.SET_VRING_KICK]: { bytes: U64, descriptors: 1, run: eventSetter("kick") },
  [REQUEST.SET_VRING_CALL]: { bytes: U64, descriptors: 1, run: eventSetter("call") },
  [REQUEST.SET_VRING_ERR]: { bytes: U64, descriptors: 1, run: eventSetter("error") },
  [REQUEST.GET_PROTOCOL_FEATURES]: {
    bytes: NOTHING,
    descriptors: 0,
    run: (session) => bitsPayload(session.offeredProtocol),
  },
  [REQUEST.SET_PROTOCOL_FEATURES]: { bytes: U64, descriptors: 0, run: setProtocolFeatures },
  [REQUEST.GET_QUEUE_NUM]: {
    bytes: NOTHING,
    descriptors: 0,
    run: (session) => u64Payload(session.queues.length),
  },
  [REQUEST.SET_VRING_ENABLE]: { bytes: U64, descriptors: 0, run: setEnabled },
  [REQUEST.SET_BACKEND_REQ_FD]: {
    bytes: NOTHING,
    descriptors: 1,
    feature: PROTOCOL_FEATURE.BACKEND_REQ,
    run: setBackChannel,
  },
  [REQUEST.GET_SHMEM_CONFIG]: {
    bytes: [0, SHMEM_CONFIG_BYTES],
    descriptors: 0,
    feature: PROTOCOL_FEATURE.SHMEM,
    run: sharedMemory,
  },
  [REQUEST.GET_CONFIG]: {
    bytes: [CONFIG_HEAD_BYTES, CONFIG_HEAD_BYTES + LARGEST_CONFIG_BYTES],
    descriptors: 0,
    feature: PROTOCOL_FEATURE.CONFIG,
    run: getConfig,
  },
  [REQUEST.SET_CONFIG]: {
    bytes: [CONFIG_HEAD_BYTES, CONFIG_HEAD_BYTES + LARGEST_CONFIG_BYTES],
    descriptors: 0,
    feature: PROTOCOL_FEATURE.CONFIG,
    run: refuseConfig,
  },
  [REQUEST.GET_INFLIGHT_FD]: {
    bytes: INFLIGHT_BYTES,
    descriptors: 0,
    feature: PROTOCOL_FEATURE.INFLIGHT_SHMFD,
    run: getInflight,
  },
  [REQUEST.SET_INFLIGHT_FD]: {
    bytes: INFLIGHT_BYTES,
    descriptors: 1,
    feature: PROTOCOL_FEATURE.INFLIGHT_SHMFD,
    quiet: true,
    run: setInflight,
  },
  [REQUEST.RESET_DEVICE]: {
    bytes: NOTHING,
    descriptors: 0,
    feature: PROTOCOL_FEATURE.RESET_DEVICE,
    quiet: true,
    run: resetDevice,
  },
  [REQUEST.GET_MAX_MEM_SLOTS]: {
    bytes: NOTHING,
    descriptors: 0,
    feature: PROTOCOL_FEATURE.CONFIGURE_MEM_SLOTS,
    run: () => u64Payload(MOST_MEMORY_SLOTS),
  },
  [REQUEST.ADD_MEM_REG]: {
    bytes: [TABLE_HEAD_BYTES + REGION_BYTES, TABLE_HEAD_BYTES + REGION_BYTES],
    descriptors: 1,
    feature: PROTOCOL_FEATURE.CONFIGURE_MEM_SLOTS,
    run: addMemory,
  },
  [REQUEST.REM_MEM_REG]: {
    bytes: [TABLE_HEAD_BYTES + REGION_BYTES, TABLE_HEAD_BYTES + REGION_BYTES],
    descriptors: 1,
    feature: PROTOCOL_FEATURE.CONFIGURE_MEM_SLOTS,
    quiet: true,
    run: removeMemory,
  },
  [REQUEST.SET_STATUS]: {
    bytes: U64,
    descriptors: 0,
    feature: PROTOCOL_FEATURE.STATUS,
    run: setStatus,
  },
  [REQUEST.GET_STATUS]: {
    bytes: NOTHING,
    descriptors: 0,
    feature: PROTOCOL_FEATURE.STATUS,
    run: (session) => u64Payload(session.status),
  },
};
