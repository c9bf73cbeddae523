import assert from "node:assert/strict";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { NEEDS_COMMIT } from "../alloc/allocator.ts";
import { TestVolume } from "../alloc/testing.ts";
import { ENOSPC } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import { toolMissing, withTempDir } from "../layout/testing.ts";
import {
  allocateRange,
  convertToWritten,
  lookup,
  newMapping,
  removeRange,
  shiftRange,
} from "./map.ts";

interface Case {
  readonly name: string;
  readonly options: readonly string[];
  readonly mebibytes: number;
  /** File blocks used in each file. */
  readonly span: number;
  readonly steps: number;
}

const CASES: readonly Case[] = [
  { name: "4 KiB blocks", options: ["-b4096"], mebibytes: 32, span: 2500, steps: 800 },
  { name: "1 KiB blocks", options: ["-b1024"], mebibytes: 24, span: 4000, steps: 1500 },
  {
    name: "2 KiB blocks, no 64bit",
    options: ["-b2048", "-O^64bit"],
    mebibytes: 24,
    span: 3000,
    steps: 500,
  },
  { name: "64 KiB blocks", options: ["-b65536"], mebibytes: 128, span: 700, steps: 400 },
  {
    name: "no checksums",
    options: ["-b1024", "-O^metadata_csum,^uninit_bg"],
    mebibytes: 24,
    span: 3000,
    steps: 500,
  },
  {
    name: "uninit_bg",
    options: ["-b1024", "-O^metadata_csum,uninit_bg"],
    mebibytes: 48,
    span: 6000,
    steps: 600,
  },
  {
    name: "bigalloc",
    options: ["-b1024", "-Obigalloc", "-C8192"],
    mebibytes: 48,
    span: 3000,
    steps: 1000,
  },
  {
    name: "bigalloc, 4 KiB blocks",
    options: ["-b4096", "-Obigalloc", "-C16384"],
    mebibytes: 64,
    span: 2500,
    steps: 500,
  },
  {
    name: "meta_bg",
    options: ["-b1024", "-Ometa_bg,^resize_inode"],
    mebibytes: 32,
    span: 3000,
    steps: 500,
  },
  {
    name: "sparse_super2, no flex_bg",
    options: ["-b1024", "-O^flex_bg,sparse_super2"],
    mebibytes: 40,
    span: 3000,
    steps: 500,
  },
  {
    name: "no extents",
    options: ["-b1024", "-O^extent,^64bit,^flex_bg"],
    mebibytes: 32,
    span: 70_000,
    steps: 600,
  },
  {
    name: "as ext2",
    options: ["-b1024", "-O^extent,^64bit,^flex_bg,^metadata_csum,^huge_file,^has_journal"],
    mebibytes: 24,
    span: 3000,
    steps: 500,
  },
  {
    name: "as ext3",
    options: ["-b4096", "-O^extent,^64bit,^flex_bg,^metadata_csum"],
    mebibytes: 32,
    span: 5000,
    steps: 400,
  },
];

const FILES = 4;

/** A file as the model has it: file block → disk block, negative when unwritten. */
type FileModel = Map<number, number>;

/** The last file block that is mapped, or -1. */
function lastOf(model: FileModel): number {
  let last = -1;
  for (const at of model.keys()) if (at > last) last = at;
  return last;
}

class Walk {
  readonly models: FileModel[] = Array.from({ length: FILES }, () => new Map());
  readonly out = newMapping();
  constructor(readonly test: TestVolume, readonly random: Random, readonly span: number) {}

  step(): void {
    const { random } = this;
    const number = random.below(FILES);
    const kind = random.below(100);
    if (kind < 50) this.allocate(number);
    else if (kind < 72) this.remove(number);
    else if (kind < 86) this.convert(number);
    else if (kind < 92) this.shift(number);
    else if (kind < 97) this.test.volume.commit(false);
    else if (kind < 99) this.test.alloc.discardPreallocation(this.test.file(number));
    else {
      this.test.volume.commit(true);
      this.test.reopen();
    }
    this.compare(number, random.below(this.span), 40);
  }

  /** Runs an operation, once more after a commit if it asks for one. */
  retry(body: (handle: Parameters<Parameters<TestVolume["run"]>[0]>[0]) => number): number {
    const result = this.test.run(body);
    if (result !== NEEDS_COMMIT) return result;
    this.test.volume.commit(false);
    return this.test.run(body);
  }

  allocate(number: number): void {
    const { random, test, out } = this;
    const model = this.models[number] as FileModel;
    const extents = test.file(number).has(InodeFlag.EXTENTS);
    const appends = random.chance(30);
    let at = appends ? lastOf(model) + 1 : random.below(this.span);
    const end = Math.min(at + random.pick([1, 1, 2, 7, 30, 200]), this.span + 500);
    const options = {
      unwritten: extents && random.chance(40),
      privileged: random.chance(50),
      append: appends,
      metadata: false,
    };
    while (at < end) {
      const result = this.retry((handle) =>
        allocateRange(test.alloc, handle, test.file(number), at, end - at, options, out)
      );
      if (result === -ENOSPC) break;
      assert.ok(result > 0 && result <= end - at && result === out.blocks, `allocated ${result}`);
      for (let i = 0; i < result; i++) {
        const known = model.get(at + i);
        const found = out.unwritten ? -(out.diskBlock + i) : out.diskBlock + i;
        if (out.fresh) {
          assert.equal(known, undefined);
          assert.equal(out.unwritten, options.unwritten);
          model.set(at + i, found);
        } else assert.equal(found, known);
      }
      at += result;
    }
    this.setSize(number);
  }

  remove(number: number): void {
    const { random, test } = this;
    const model = this.models[number] as FileModel;
    const at = random.below(this.span);
    let end = at + random.pick([1, 1, 3, 20, 100, 300, this.span]);
    for (let stop = end; end > at; end = stop) {
      stop = this.retry((handle) =>
        removeRange(test.alloc, handle, test.file(number), at, end, random.pick([1, 3, 1000]))
      );
      if (stop < 0) break;
      assert.ok(stop >= at && stop < end);
      for (let i = stop; i < end; i++) model.delete(i);
    }
    this.setSize(number);
  }

  convert(number: number): void {
    const { random, test } = this;
    const model = this.models[number] as FileModel;
    const at = random.below(this.span);
    const blocks = random.pick([1, 1, 2, 9, 50, 400]);
    const result = this.retry((handle) =>
      convertToWritten(test.alloc, handle, test.file(number), at, blocks)
    );
    if (result < 0) return this.relearn(number);
    for (let i = at; i < at + blocks; i++) {
      const known = model.get(i);
      if (known !== undefined) model.set(i, Math.abs(known));
    }
  }

  shift(number: number): void {
    const { random, test } = this;
    if (!test.file(number).has(InodeFlag.EXTENTS)) return;
    const model = this.models[number] as FileModel;
    const { clusterBlocks } = test.volume.geometry;
    const delta = random.between(1, 50) * clusterBlocks * (random.chance(60) ? -1 : 1);
    const from = random.below(this.span / clusterBlocks) * clusterBlocks + Math.max(0, -delta);
    if (delta > 0 && lastOf(model) > this.span + 2000) return;
    if (delta < 0) {
      for (let end = from; end > from + delta;) {
        const stop = this.retry((handle) =>
          removeRange(test.alloc, handle, test.file(number), from + delta, end, 1000)
        );
        if (stop < 0) return this.relearn(number);
        end = stop;
      }
      for (let i = from + delta; i < from; i++) model.delete(i);
    }
    const result = this.retry((handle) =>
      shiftRange(test.alloc, handle, test.file(number), from, delta)
    );
    if (result === 0) {
      const moved = [...model].filter(([at]) => at >= from);
      for (const [at] of moved) model.delete(at);
      for (const [at, block] of moved) model.set(at + delta, block);
    }
    this.setSize(number);
  }

  /** After an operation that ran out of space half-way: the map is what it is, if it is a good one. */
  relearn(number: number): void {
    const model = this.models[number] as FileModel;
    const { test, out } = this;
    model.clear();
    for (let at = 0; at < 2 * this.span + 5000; at += out.blocks) {
      lookup(test.alloc, test.file(number), at, 100_000, out);
      if (out.diskBlock === 0) continue;
      for (let i = 0; i < out.blocks; i++) {
        model.set(at + i, out.unwritten ? -(out.diskBlock + i) : out.diskBlock + i);
      }
    }
    this.setSize(number);
  }

  setSize(number: number): void {
    const { test } = this;
    const last = lastOf(this.models[number] as FileModel);
    test.run((handle) => {
      const inode = test.file(number);
      inode.size = (last + 1) * test.volume.geometry.blockBytes;
      test.volume.dirtyInode(handle, inode);
    });
  }

  compare(number: number, from: number, count: number): void {
    const { test, out } = this;
    const model = this.models[number] as FileModel;
    const end = from + count;
    for (let at = from; at < end; at += out.blocks) {
      lookup(test.alloc, test.file(number), at, end - at, out);
      assert.ok(out.blocks >= 1 && out.blocks <= end - at);
      for (let i = 0; i < out.blocks; i++) {
        const found = out.diskBlock === 0
          ? undefined
          : out.unwritten
          ? -(out.diskBlock + i)
          : out.diskBlock + i;
        assert.equal(found, model.get(at + i), `file ${number} block ${at + i}`);
      }
    }
  }

  compareAll(): void {
    const seen = new Set<number>();
    for (const [number, model] of this.models.entries()) {
      this.compare(number, 0, this.span + 4000);
      for (const block of model.values()) {
        assert.ok(!seen.has(Math.abs(block)), `disk block ${block} is used twice`);
        seen.add(Math.abs(block));
      }
    }
  }
}

for (const { name, options, mebibytes, span, steps } of CASES) {
  Deno.test({
    name:
      `random allocation, removal, conversion and shifts agree with a model and e2fsck: ${name}`,
    ignore: toolMissing("mke2fs") || toolMissing("debugfs"),
    fn: () =>
      withTempDir((folder) => {
        const test = TestVolume.make(folder, {
          options,
          sizeBytes: mebibytes << 20,
          files: FILES,
        });
        const walk = new Walk(test, new Random(printedSeed(name)), span);
        for (let step = 1; step <= steps; step++) {
          walk.step();
          if (step % Math.ceil(steps / 4) !== 0) continue;
          test.check(true);
          walk.compareAll();
        }
        assert.deepEqual(test.reports, []);
      }),
  });
}
