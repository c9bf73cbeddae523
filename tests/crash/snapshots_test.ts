import assert from "node:assert/strict";
import { FsError, Image, MemoryImage, open } from "../../mod.ts";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { openEngine } from "../../fs/ops/open_volume.ts";
import { SUPERUSER } from "../../fs/ops/engine.ts";
import { Core } from "../../lib/core.ts";
import { memoryMustBeClean } from "../harness/library.ts";
import { ACTIONS, type World } from "../harness/library_actions.ts";
import { compareDirectory } from "../harness/library_compare.ts";
import { dropTree, type ModelNode, newNode } from "../harness/library_model.ts";
import { numberFromEnv, printedSeed, Random } from "../harness/seed.ts";
import { DATA_MODES, type DataMode } from "./data_mode.ts";
import { DeferredQueue } from "./deferred_queue.ts";
import { crashOptions } from "./engine_options.ts";
import type { OverlayDevice } from "./overlay_device.ts";
import { makeBase, type Shape, SHAPES } from "./shapes.ts";
import { applyEvent, buildState, type CrashPlan, drawParts, Flushes } from "./states.ts";

/** States of each recording. */
const STATES = numberFromEnv("KFS_CRASH_STATES", 1200) / 30;
const STEPS = 160;
const MAX_BYTES = 60_000;

/** The life of a snapshot, in numbers of events; Infinity: never. */
interface Life {
  readonly tree: ModelNode;
  readonly names: string[];
  readonly created: number;
  deleteBegins: number;
  deleted: number;
}

/** A restoring: the tree is either of two while it is under way. Numbers of events. */
interface Restoring {
  readonly begin: number;
  readonly end: number;
  readonly before: ModelNode;
  readonly after: ModelNode;
}

/** A workload's life, and what it left to look at. */
interface Recorded {
  readonly base: Uint8Array<ArrayBuffer>;
  readonly device: RecordingDevice;
  readonly lives: readonly Life[];
  readonly restorings: readonly Restoring[];
}

class Workload {
  readonly lives: Life[] = [];
  readonly restorings: Restoring[] = [];
  readonly lines: string[] = [];
  readonly #queue: DeferredQueue | undefined;

  constructor(readonly random: Random, readonly device: RecordingDevice, background: boolean) {
    this.#queue = background ? new DeferredQueue() : undefined;
  }

  run(mode: DataMode): void {
    const options = crashOptions((text) => this.lines.push(text), {
      ...mode.options,
      ...(this.#queue === undefined ? {} : { writeQueue: this.#queue }),
    });
    const engine = openEngine(this.device, options);
    const image = new Image(new Core(engine, "image", SUPERUSER));
    const world: World = {
      random: this.random,
      image,
      root: newNode("directory", 0o755),
      open: [],
      maxBytes: MAX_BYTES,
      log: (line) => this.lines.push(line),
    };
    for (let step = 0; step < STEPS; step++) {
      this.random.pick(ACTIONS)(world);
      this.#queue?.rest(this.random);
      if (this.random.chance(4)) image.sync();
      if (this.random.chance(10)) this.#change(world);
    }
    world.open.splice(0);
    image.close();
  }

  #change(world: World): void {
    const { lives, device, random } = this;
    const living = lives.filter(({ deleteBegins }) => deleteBegins === Infinity);
    const life = living.length > 1 ? random.pick(living) : undefined;
    if (life !== undefined && random.chance(45)) {
      life.deleteBegins = device.events.length;
      world.image.snapshots.delete(life.names.at(-1) ?? "");
      life.deleted = device.events.length;
      this.lines.push(`deleted ${life.names}`);
    } else if (life !== undefined && random.chance(25)) {
      this.#restore(world, life);
    } else if (life !== undefined && random.chance(15)) {
      const old = life.names.at(-1) ?? "";
      life.names.push(`${old}x`);
      world.image.snapshots.rename(old, `${old}x`);
    } else {
      const name = `s${lives.length}`;
      const tree = structuredClone(world.root);
      world.image.snapshots.create(name);
      const created = device.events.length;
      lives.push({ tree, names: [name], created, deleteBegins: Infinity, deleted: Infinity });
      this.lines.push(`created ${name}`);
    }
  }

  #restore(world: World, life: Life): void {
    const { root, image } = world;
    image.sync();
    const begin = this.device.events.length;
    const before = structuredClone(root);
    image.snapshots.restore(life.names.at(-1) ?? "");
    const tree = structuredClone(life.tree);
    dropTree(root);
    root.children.clear();
    for (const [child, node] of tree.children) root.children.set(child, node);
    const { mode, uid, gid } = image.stat("/");
    Object.assign(root, { mode: mode & 0o7777, uid, gid });
    const after = structuredClone(root);
    this.restorings.push({ begin, end: this.device.events.length, before, after });
    this.lines.push(`restored ${life.names}`);
  }
}

function sameTree(image: Image, tree: ModelNode): boolean {
  try {
    compareDirectory(image, "", tree);
    return true;
  } catch {
    return false;
  }
}

function record(shape: Shape, mode: DataMode, seed: number, background: boolean): Recorded {
  const base = makeBase(shape, seed);
  const memory = MemoryImage.from(base);
  const device = new RecordingDevice(memory);
  const workload = new Workload(new Random(seed), device, background);
  try {
    workload.run(mode);
  } catch (error) {
    console.log(workload.lines.slice(-20).join("\n"));
    throw error;
  }
  memoryMustBeClean(memory, "after the workload");
  return { base, device, lives: workload.lives, restorings: workload.restorings };
}

/** Opens a crash state and looks at every snapshot in it. */
function judge(recorded: Recorded, plan: CrashPlan, state: OverlayDevice): void {
  const told: string[] = [];
  const image = open(state, { report: (text) => told.push(text) });
  try {
    const found = image.snapshots.list();
    for (const { name, damaged } of found) {
      const life = recorded.lives.find(({ names }) => names.includes(name));
      assert.ok(life !== undefined, `an unknown snapshot ${name}`);
      assert.equal(damaged, false, `${name} is damaged: ${told.join("; ")}`);
      assert.ok(life.deleted > plan.durableEvents, `${name} is back`);
      using view = image.snapshots.open(name);
      compareDirectory(view, "", life.tree);
    }
    for (const { names, created, deleteBegins } of recorded.lives) {
      if (created > plan.durableEvents || deleteBegins < plan.events) continue;
      const there = found.some(({ name }) => names.includes(name));
      assert.ok(there, `${names} is not there`);
    }
    for (const { begin, end, before, after } of recorded.restorings) {
      if (plan.durableEvents < begin || plan.events > end) continue;
      const either = sameTree(image, before) || sameTree(image, after);
      assert.ok(either, "a restoring is there in part");
    }
    // What goes on from here must not harm them.
    image.writeFile("/after", new Uint8Array(50_000).fill(7));
    for (const { name } of found.slice(0, 2)) image.snapshots.delete(name);
  } finally {
    image.close();
  }
}

function tryStates(recorded: Recorded, seed: number): void {
  const { base, device: { events }, lives } = recorded;
  const flushes = new Flushes(events);
  const random = new Random(seed ^ 0x2545f491);
  const plans = Array.from(
    { length: STATES },
    () => flushes.plan(seed, random.below(flushes.boundaries.length * 4)),
  );
  plans.sort((a, b) => a.durableEvents - b.durableEvents);
  const durable = base.slice();
  let done = 0;
  for (const [index, plan] of plans.entries()) {
    for (; done < plan.durableEvents; done++) {
      const event = events[done];
      if (event !== undefined) applyEvent(event, durable);
    }
    const state = buildState(durable, events, plan, drawParts(events, plan));
    const where = `seed ${seed}, state ${plan.index} (${plan.way}, ${plan.durableEvents} of ` +
      `${plan.events} events durable, ${lives.length} snapshots in all)`;
    try {
      judge(recorded, plan, state);
      if (index % 8 === 0) {
        const bytes = new Uint8Array(state.sizeBytes);
        state.read(bytes, 0);
        memoryMustBeClean(MemoryImage.from(bytes), where);
      }
    } catch (error) {
      const what = error instanceof FsError || error instanceof Error ? error.stack : String(error);
      throw new Error(`${where}: ${what}`);
    }
  }
}

const CASES: readonly (readonly [shape: string, mode: string, background: boolean])[] = [
  ["1k", "ordered", true],
  ["4k", "ordered", false],
  ["1k", "journal", true],
  ["4k", "writeback", true],
  ["inline", "discard", true],
  ["1k", "sync", false],
];

for (const [shapeName, modeName, background] of CASES) {
  Deno.test(`crash states with snapshots: ${shapeName}, ${modeName}`, () => {
    const shape = SHAPES.find(({ name }) => name === shapeName);
    const mode = DATA_MODES.find(({ name }) => name === modeName);
    assert.ok(shape !== undefined && mode !== undefined);
    const seed = printedSeed(`crash states with snapshots, ${shapeName}, ${modeName}`);
    const larger = { ...shape, sizeBytes: 2 * shape.sizeBytes };
    tryStates(record(larger, mode, seed, background), seed);
  });
}
