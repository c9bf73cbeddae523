/**
 * Crash states: what the storage may hold when the machine stops at some moment of a recording.
 *
 * Everything that was written before the last completed flush is there. Of each later write any part may
 * be: the storage keeps the order of writes to the same sector (as a host's page cache does), else none.
 * The superblock is taken to be written whole: it spans two sectors under one checksum, so a torn one can
 * only be had back from a backup, whoever wrote it. So is the block of multiple mount protection, for the same
 * reason.
 *
 * @module
 */

import type { DeviceEvent } from "../../fs/device/recording.ts";
import { SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET } from "../../fs/layout/superblock.ts";
import { Random } from "../harness/seed.ts";
import { OverlayDevice } from "./overlay_device.ts";

export const SECTOR_BYTES = 512;
/** Events before a flush of one part among which those may be that wait for a flush of the other. */
const MOST_PENDING = 2000;
const MMP_MAGIC = 0x004d4d50;
const MMP_BYTES = 1024;

/** What a recording holds. "atomic" stands for a flush and then writes that are there all or not at all. */
export type CrashEvent =
  | DeviceEvent
  | { readonly kind: "atomic"; readonly events: readonly DeviceEvent[] };

/** How the writes after the last flush are drawn. */
const WAYS = [
  /** Nothing: just after the flush. */
  "boundary",
  /** All of them: the process was killed, the storage lives on. */
  "prefix",
  /** Each is there or not. */
  "subset",
  /** Each sector is there or not. */
  "torn",
  /** Only one. */
  "one",
  /** All but one. */
  "all-but-one",
] as const;

export type Way = typeof WAYS[number];

/** The moment of a crash and which writes made it. */
export interface CrashPlan {
  readonly index: number;
  /** Events before the last flush that counts, itself included. */
  readonly durableEvents: number;
  /** Events that had been asked for. */
  readonly events: number;
  readonly way: Way;
  readonly seed: number;
}

/** For each number of events, how many of them are durable. */
export class Flushes {
  /** Numbers of events at which a flush had completed, 0 first. */
  readonly boundaries: readonly number[];
  /** For each, how many events from the first on are durable all of them: not all, when a part was flushed. */
  readonly #durable: readonly number[];

  constructor(readonly events: readonly CrashEvent[]) {
    const boundaries = [0];
    events.forEach(({ kind }, index) => {
      if (kind === "flush" || kind === "atomic") boundaries.push(index + 1);
    });
    this.boundaries = boundaries;
    this.#durable = boundaries.map((boundary) => durablePrefix(events, boundary));
  }

  /** State number `index`: first every boundary, then random moments. The same numbers give the same state. */
  plan(seed: number, index: number): CrashPlan {
    const { boundaries, events } = this;
    const boundary = boundaries[index];
    if (boundary !== undefined) {
      const durableEvents = this.#durable[index] ?? 0;
      return { index, durableEvents, events: boundary, way: "boundary", seed };
    }
    const random = new Random((Math.imul(index, 0x9e3779b1) ^ seed) >>> 0);
    const window = random.below(boundaries.length);
    const durableEvents = this.#durable[window] ?? 0;
    const begin = boundaries[window] ?? 0;
    const end = (boundaries[window + 1] ?? events.length + 1) - 1;
    // Half of the time everything until the next flush is under way.
    const at = random.chance(50) ? end : random.between(begin, end);
    const way = WAYS[1 + random.below(WAYS.length - 1)] ?? "subset";
    return { index, durableEvents, events: at, way, seed: random.next() };
  }
}

/** Whether a flush makes a write durable that came before it. */
function covers(flush: CrashEvent, { fromBytes }: { fromBytes: number }): boolean {
  if (flush.kind === "atomic") return true;
  if (flush.kind !== "flush") return false;
  const { offsetBytes = 0, lengthBytes = Infinity } = flush;
  return fromBytes >= offsetBytes && fromBytes < offsetBytes + lengthBytes;
}

/** Whether the write that is event `index` is durable after `count` events. */
function isFlushed(events: readonly CrashEvent[], index: number, count: number): boolean {
  const range = rangeOf(events[index]);
  if (range === undefined) return true;
  for (let later = index + 1; later < count; later++) {
    const event = events[later];
    if (event !== undefined && covers(event, range)) return true;
  }
  return false;
}

function durablePrefix(events: readonly CrashEvent[], boundary: number): number {
  const last = events[boundary - 1];
  if (last === undefined || last.kind !== "flush" || last.lengthBytes === undefined) {
    return boundary;
  }
  // What the last flushes of the other part left pending is not far back.
  let prefix = boundary;
  for (let index = boundary - 1; index >= 0 && boundary - index < MOST_PENDING; index--) {
    if (!isFlushed(events, index, boundary)) prefix = index;
  }
  return prefix;
}

/** A part of a write that reached the storage. */
export interface LandedPart {
  /** Index of the event. */
  readonly event: number;
  readonly fromBytes: number;
  readonly toBytes: number;
}

/** Which parts of the pending writes reached the storage. */
export function drawParts(events: readonly CrashEvent[], plan: CrashPlan): LandedPart[] {
  const random = new Random(plan.seed);
  const pending: LandedPart[] = [];
  for (let event = plan.durableEvents; event < plan.events; event++) {
    const range = rangeOf(events[event]);
    if (range === undefined || isFlushed(events, event, plan.events)) continue;
    pending.push({ event, ...range });
  }
  return DRAW[plan.way](pending, random);
}

const DRAW: Readonly<Record<Way, (parts: LandedPart[], random: Random) => LandedPart[]>> = {
  boundary: () => [],
  prefix: (parts) => parts,
  subset: (parts, random) => {
    const percent = random.pick([10, 30, 50, 70, 90]);
    return parts.filter(() => random.chance(percent));
  },
  torn: (parts, random) => {
    const percent = random.pick([10, 50, 90, 98]);
    const sectors = parts.flatMap(sectorsOf);
    return sectors.filter(() => random.chance(percent));
  },
  one: (parts, random) => parts.length === 0 ? [] : [random.pick(parts)],
  "all-but-one": (parts, random) => {
    const without = random.below(parts.length);
    return parts.filter((_, index) => index !== without);
  },
};

function sectorsOf(part: LandedPart): LandedPart[] {
  const sectors: LandedPart[] = [];
  for (let from = part.fromBytes; from < part.toBytes;) {
    const to = Math.min(part.toBytes, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    sectors.push({ event: part.event, fromBytes: from, toBytes: to });
    from = to;
  }
  return sectors;
}

function rangeOf(
  event: CrashEvent | undefined,
): { fromBytes: number; toBytes: number } | undefined {
  if (event === undefined || event.kind === "flush" || event.kind === "atomic") return undefined;
  const length = event.kind === "write" ? event.bytes.length : event.lengthBytes;
  return { fromBytes: event.offsetBytes, toBytes: event.offsetBytes + length };
}

/** Does a recorded event to plain bytes. */
export function applyEvent(event: CrashEvent, bytes: Uint8Array): void {
  if (event.kind === "write") bytes.set(event.bytes, event.offsetBytes);
  else if (event.kind === "atomic") event.events.forEach((part) => applyEvent(part, bytes));
  else if (event.kind !== "flush") {
    bytes.fill(0, event.offsetBytes, event.offsetBytes + event.lengthBytes);
  }
}

/**
 * Builds a state.
 * @param durable the storage after `plan.durableEvents` events; stays as it is.
 */
export function buildState(
  durable: Uint8Array,
  events: readonly CrashEvent[],
  plan: CrashPlan,
  drawn: readonly LandedPart[],
): OverlayDevice {
  const state = new OverlayDevice(durable);
  const parts = withFlushed(drawn, events, plan);
  if (parts.length === 0) return state;
  // What the host's page cache holds: a sector goes to the storage as it is at that time.
  const live = new OverlayDevice(durable);
  let next = 0;
  for (let index = plan.durableEvents; index < plan.events && next < parts.length; index++) {
    const event = events[index];
    if (event === undefined || event.kind === "flush" || event.kind === "atomic") continue;
    if (event.kind === "write") live.write(event.bytes, event.offsetBytes);
    else live.zero(event.offsetBytes, event.lengthBytes);
    for (let part = parts[next]; part?.event === index; part = parts[++next]) {
      land(live, state, part);
    }
  }
  return state;
}

/** Adds what is not within the durable events, but was flushed with its own part of the storage. */
function withFlushed(
  drawn: readonly LandedPart[],
  events: readonly CrashEvent[],
  plan: CrashPlan,
): readonly LandedPart[] {
  const flushed: LandedPart[] = [];
  for (let event = plan.durableEvents; event < plan.events; event++) {
    const range = rangeOf(events[event]);
    if (range !== undefined && isFlushed(events, event, plan.events)) {
      flushed.push({ event, ...range });
    }
  }
  if (flushed.length === 0) return drawn;
  return [...drawn, ...flushed].sort((a, b) => a.event - b.event || a.fromBytes - b.fromBytes);
}

/** The sectors that the part touches reach the storage. */
function land(live: OverlayDevice, state: OverlayDevice, part: LandedPart): void {
  let from = Math.floor(part.fromBytes / SECTOR_BYTES) * SECTOR_BYTES;
  let to = Math.ceil(part.toBytes / SECTOR_BYTES) * SECTOR_BYTES;
  const superblockEnd = SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES;
  if (from < superblockEnd && to > SUPERBLOCK_OFFSET) {
    from = Math.min(from, SUPERBLOCK_OFFSET);
    to = Math.max(to, superblockEnd);
  }
  const block = from - from % MMP_BYTES;
  const magic = new Uint8Array(4);
  live.read(magic, block);
  if (new DataView(magic.buffer).getUint32(0, true) === MMP_MAGIC) {
    from = block;
    to = Math.max(to, block + MMP_BYTES);
  }
  const sectors = new Uint8Array(Math.min(to, live.sizeBytes) - from);
  live.read(sectors, from);
  state.write(sectors, from);
}
