import assert from "node:assert/strict";
import {
  createMemoryImage,
  type FormatOptions,
  FsError,
  type MemoryImage,
  open,
} from "../../mod.ts";
import type { DataMode } from "../../fs/ops/engine.ts";
import { memoryMustBeClean } from "../harness/library.ts";
import { ACTIONS, type World } from "../harness/library_actions.ts";
import { compareDirectory } from "../harness/library_compare.ts";
import { dropTree, type ModelNode, newNode } from "../harness/library_model.ts";
import { numberFromEnv, printedSeed, Random } from "../harness/seed.ts";

const STEPS = numberFromEnv("KFS_STEPS", 600);
const SIZE = 64 << 20;
const MAX_BYTES = 200_000;

/** Snapshots that must be there, and what must be in them. */
type Kept = Map<string, ModelNode>;

class Exercise {
  readonly random: Random;
  readonly kept: Kept = new Map();
  readonly lines: string[] = [];
  readonly world: World;
  #made = 0;

  constructor(readonly memory: MemoryImage, seed: number, readonly dataMode: DataMode) {
    this.random = new Random(seed);
    this.world = {
      random: this.random,
      image: open(memory, { dataMode }),
      root: newNode("directory", 0o755),
      open: [],
      maxBytes: MAX_BYTES,
      log: (line) => this.lines.push(line),
    };
  }

  run(): void {
    const { world, random } = this;
    try {
      for (let step = 1; step <= STEPS; step++) {
        random.pick(ACTIONS)(world);
        if (random.chance(3)) this.#changeSnapshots();
        if (step % 100 === 0 || step === STEPS) this.#look(step);
      }
      while (this.kept.size > 0) this.#delete();
      this.#look(STEPS);
    } catch (error) {
      console.log(this.lines.slice(-30).join("\n"));
      throw error;
    } finally {
      world.image.close();
    }
  }

  #changeSnapshots(): void {
    if (this.kept.size > 1 && this.random.chance(35)) this.#delete();
    else if (this.kept.size > 0 && this.random.chance(15)) this.#rename();
    else if (this.kept.size > 0 && this.random.chance(25)) this.#restore();
    else this.#create();
  }

  #create(): void {
    const { world, kept, lines } = this;
    const name = `s${++this.#made}`;
    lines.push(`snapshot ${name}`);
    world.image.snapshots.create(name);
    kept.set(name, structuredClone(world.root));
  }

  #delete(): void {
    const { world, kept, lines } = this;
    const name = this.random.pick([...kept.keys()]);
    lines.push(`delete snapshot ${name}`);
    const { alone } = world.image.snapshots.space(name);
    const { bsize, bfree } = world.image.statfs();
    world.image.snapshots.delete(name);
    const freed = (world.image.statfs().bfree - bfree) * bsize;
    // The map of the older snapshot's file may grow by what it takes over.
    assert.ok(Math.abs(freed - alone) <= alone * 0.1 + 64 * bsize, `${name}: ${freed} of ${alone}`);
    kept.delete(name);
  }

  #restore(): void {
    const { world: { image, root }, kept, lines, random } = this;
    const name = random.pick([...kept.keys()]);
    const tree = structuredClone(kept.get(name));
    if (tree === undefined) return;
    lines.push(`restore ${name}`);
    image.snapshots.restore(name, { warn: (text) => assert.fail(text) });
    dropTree(root);
    root.children.clear();
    for (const [child, node] of tree.children) root.children.set(child, node);
    root.mode = tree.mode;
    const { uid, gid } = image.stat("/");
    Object.assign(root, { uid, gid });
  }

  #rename(): void {
    const { world, kept } = this;
    const name = this.random.pick([...kept.keys()]);
    const tree = kept.get(name);
    if (tree === undefined) return;
    world.image.snapshots.rename(name, `${name}.new`);
    const all = [...kept].map(([old, root]) => [old === name ? `${name}.new` : old, root] as const);
    kept.clear();
    for (const [other, root] of all) kept.set(other, root);
  }

  #look(step: number): void {
    const { world, random, memory, dataMode } = this;
    this.#compare();
    if (!random.chance(60) && step !== STEPS) return;
    world.open.splice(0);
    world.image.close();
    memoryMustBeClean(memory, `after step ${step}`);
    world.image = open(memory, {
      cache: 1 << 17,
      dataMode,
      report: (text) => assert.fail(text),
    });
    this.#compare();
  }

  #compare(): void {
    const { world, kept } = this;
    compareDirectory(world.image, "", world.root);
    const names = world.image.snapshots.list().map(({ name }) => name);
    assert.deepEqual(names, [...kept.keys()]);
    for (const [name, root] of kept) {
      using view = world.image.snapshots.open(name);
      try {
        compareDirectory(view, "", root);
      } catch (error) {
        if (error instanceof FsError) this.lines.push(`in ${name}: ${error.message}`);
        else this.lines.push(`in ${name}`);
        throw error;
      }
    }
  }
}

const FORMS: readonly (readonly [string, FormatOptions, DataMode])[] = [
  ["the default", {}, "ordered"],
  ["blocks of 4 KiB", { blockBytes: 4096 }, "ordered"],
  ["data=journal", {}, "journal"],
  ["inline data, small inodes, no journal", {
    features: ["inline_data", "^has_journal"],
    inodeBytes: 1024,
  }, "ordered"],
  ["quota, ea_inode, orphan_file", {
    features: ["quota", "ea_inode", "orphan_file"],
    blockBytes: 4096,
  }, "ordered"],
  ["inodes of 128 bytes, no checksums", {
    inodeBytes: 128,
    features: ["^metadata_csum"],
  }, "writeback"],
];

for (const [name, how, dataMode] of FORMS) {
  Deno.test(`snapshots: random changes, ${name}`, () => {
    const memory = createMemoryImage(SIZE, { inodes: 4096, ...how });
    new Exercise(memory, printedSeed(`snapshots, ${name}`), dataMode).run();
  });
}
