import assert from "node:assert/strict";
import { FsError, Image, MemoryImage, open } from "../../mod.ts";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { SUPERUSER } from "../../fs/ops/engine.ts";
import { openEngine } from "../../fs/ops/open_volume.ts";
import { Core } from "../../lib/core.ts";
import { memoryMustBeClean } from "../harness/library.ts";
import { numberFromEnv, printedSeed, Random } from "../harness/seed.ts";
import { DATA_MODES, type DataMode } from "./data_mode.ts";
import { DeferredQueue } from "./deferred_queue.ts";
import { crashOptions } from "./engine_options.ts";
import { makeBase, shapeNamed } from "./shapes.ts";
import { applyEvent, buildState, type CrashPlan, drawParts, Flushes } from "./states.ts";
import type { OverlayDevice } from "./overlay_device.ts";

/** States of each recording. */
const STATES = numberFromEnv("KFS_CRASH_STATES", 1200) / 30;
const STEPS = 50;

/** A version, in numbers of events; Infinity: never. */
interface Life {
  readonly content: Uint8Array;
  readonly added: number;
  pruneBegins: number;
}

/** What the file held: from an event on at the earliest, until it was durable that it does not any more. */
interface Held {
  readonly content: Uint8Array;
  readonly begins: number;
  ends: number;
}

/** One file, which is always replaced as a whole, and its versions. */
class Workload {
  readonly versions = new Map<number, Life>();
  readonly held: Held[] = [];
  #content: Uint8Array = new Uint8Array(0);

  constructor(readonly random: Random, readonly device: RecordingDevice, readonly image: Image) {}

  run(rest: () => void): void {
    this.#hold(this.#content, () => this.image.writeFile("/file", this.#content));
    for (let step = 0; step < STEPS; step++) {
      const kind = this.random.below(10);
      if (kind < 4) this.#replace();
      else if (kind < 7) this.#add();
      else if (kind < 9) this.#restore();
      else this.#prune();
      rest();
      if (!this.random.chance(10)) continue;
      this.image.sync();
      this.#settled();
    }
  }

  #hold(content: Uint8Array, work: () => void): void {
    const begins = this.device.events.length;
    work();
    this.held.push({ content, begins, ends: Infinity });
  }

  /** Everything up to here is durable. */
  #settled(): void {
    for (const held of this.held.slice(0, -1)) {
      if (held.ends === Infinity) held.ends = this.device.events.length;
    }
  }

  #replace(): void {
    const { random, image } = this;
    const old = this.#content;
    const content = random.fill(new Uint8Array(random.between(1, 60_000)));
    if (random.chance(60)) content.set(old.subarray(0, content.length >> 1));
    this.#content = content;
    image.writeFile("/new", content);
    image.sync();
    this.#settled();
    this.#hold(content, () => image.rename("/new", "/file"));
  }

  #add(): void {
    const { number, unchanged } = this.image.addVersion("/file");
    if (unchanged) return;
    this.#note(number, this.#content);
    this.#settled();
  }

  #note(number: number, content: Uint8Array): void {
    const added = this.device.events.length;
    this.versions.set(number, { content, added, pruneBegins: Infinity });
  }

  #restore(): void {
    const living = [...this.versions].filter(([, { pruneBegins }]) => pruneBegins === Infinity);
    if (living.length === 0) return;
    const [number, { content }] = this.random.pick(living);
    const before = this.#content;
    this.#hold(content, () => {
      const { keptAs } = this.image.restoreVersion("/file", { number });
      if (keptAs !== undefined && !this.versions.has(keptAs)) this.#note(keptAs, before);
    });
    this.#content = content;
    this.#settled();
  }

  #prune(): void {
    if (this.versions.size === 0) return;
    const begins = this.device.events.length;
    const { removed } = this.image.pruneVersions("/file", { keep: this.random.between(1, 4) });
    for (const number of removed) {
      const life = this.versions.get(number);
      if (life !== undefined) life.pruneBegins = begins;
    }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function numbersIn(image: Image): number[] {
  try {
    return image.versions("/file").map(({ number }) => number);
  } catch (error) {
    if (error instanceof FsError && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Opens a crash state: the file is whole, and every version that was kept can be had. */
function judge({ versions, held }: Workload, plan: CrashPlan, state: OverlayDevice): void {
  using image = open(state, { report: () => {} });
  const possible = held.filter(({ begins, ends }) =>
    begins <= plan.events && ends >= plan.durableEvents
  );
  if (image.exists("/file")) {
    const found = image.readFile("/file");
    assert.ok(possible.some(({ content }) => same(content, found)), "the file is whole");
  } else assert.ok((held[0]?.ends ?? 0) > plan.durableEvents, "the file is there");
  const there = numbersIn(image);
  for (const [number, { added, pruneBegins }] of versions) {
    if (added > plan.durableEvents || pruneBegins < plan.events) continue;
    assert.ok(there.includes(number), `version ${number} is there`);
  }
  for (const number of there) {
    const life = versions.get(number);
    assert.ok(life !== undefined, `an unknown version ${number}`);
    image.restoreVersion("/file", { number, discard: true });
    assert.ok(same(image.readFile("/file"), life.content), `version ${number} is whole`);
  }
}

function tryStates(base: Uint8Array<ArrayBuffer>, workload: Workload, seed: number): void {
  const { events } = workload.device;
  const flushes = new Flushes(events);
  const random = new Random(seed ^ 0x2545f491);
  const plans = Array.from(
    { length: STATES },
    () => flushes.plan(seed, random.below(flushes.boundaries.length * 4)),
  ).sort((a, b) => a.durableEvents - b.durableEvents);
  let done = 0;
  for (const [index, plan] of plans.entries()) {
    for (; done < plan.durableEvents; done++) {
      const event = events[done];
      if (event !== undefined) applyEvent(event, base);
    }
    const state = buildState(base, events, plan, drawParts(events, plan));
    const where = `seed ${seed}, state ${plan.index} (${plan.way})`;
    try {
      judge(workload, plan, state);
    } catch (error) {
      throw new Error(`${where}: ${error instanceof Error ? error.stack : String(error)}`);
    }
    if (index % 10 !== 0) continue;
    const bytes = new Uint8Array(state.sizeBytes);
    state.read(bytes, 0);
    memoryMustBeClean(MemoryImage.from(bytes), where);
  }
}

function tryMode(mode: DataMode, shapeName: string, seed: number, background: boolean): void {
  const base = makeBase(shapeNamed(shapeName), seed);
  const device = new RecordingDevice(MemoryImage.from(base));
  const queue = background ? new DeferredQueue() : undefined;
  const options = crashOptions(() => {}, {
    ...mode.options,
    ...(queue === undefined ? {} : { writeQueue: queue }),
  });
  const image = new Image(new Core(openEngine(device, options), "image", SUPERUSER));
  const random = new Random(seed);
  const workload = new Workload(random, device, image);
  workload.run(() => queue?.rest(random));
  image.close();
  tryStates(base, workload, seed);
}

const SHAPE_NAMES = ["1k", "4k", "inline"];

for (const [index, mode] of DATA_MODES.entries()) {
  Deno.test(`versions are whole after a crash: ${mode.name}`, () => {
    const seed = printedSeed(`versions, ${mode.name}`);
    tryMode(mode, SHAPE_NAMES[index % SHAPE_NAMES.length] ?? "1k", seed, index % 2 === 0);
  });
}
