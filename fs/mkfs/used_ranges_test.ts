import assert from "node:assert/strict";
import { UsedRanges } from "./used_ranges.ts";

const SIZE = 400;

/** A small generator of pseudo-random numbers below `n`, repeatable by its seed. */
function generator(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x100000000) * n);
  };
}

function sameAs(ranges: UsedRanges, model: boolean[]): void {
  for (let block = 0; block < SIZE; block++) assert.equal(ranges.has(block), model[block] === true);
  for (let i = 1; i < ranges.length; i++) assert.ok(ranges.start(i) > ranges.end(i - 1));
}

Deno.test("used ranges behave like an array of flags", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = generator(seed);
  try {
    for (let round = 0; round < 20; round++) {
      const ranges = new UsedRanges();
      const model: boolean[] = new Array(SIZE).fill(false);
      for (let step = 0; step < 60; step++) {
        const start = random(SIZE);
        const count = random(20);
        if (random(5) === 0) {
          ranges.unmark(start);
          model[start] = false;
        } else {
          ranges.mark(start, Math.min(count, SIZE - start));
          model.fill(true, start, Math.min(start + count, SIZE));
        }
      }
      sameAs(ranges, model);
      const from = random(SIZE);
      const to = from + random(SIZE - from);
      assert.equal(ranges.countUsed(from, to), model.slice(from, to).filter(Boolean).length);
      const free = model.indexOf(false, from);
      assert.equal(ranges.firstFree(from), free < 0 ? Math.max(from, SIZE) : free);
      const used = model.indexOf(true, from);
      assert.equal(ranges.firstUsed(from, SIZE), used < 0 ? SIZE : used);
    }
  } catch (error) {
    console.error(`seed ${seed}`);
    throw error;
  }
});

Deno.test("used ranges find room between ranges", () => {
  const ranges = new UsedRanges();
  ranges.mark(0, 10);
  ranges.mark(14, 6);
  assert.equal(ranges.findFree(0, 100, 4), 10);
  assert.equal(ranges.findFree(0, 100, 5), 20);
  assert.equal(ranges.findFree(0, 20, 5), -1);
  assert.equal(ranges.inClusters(8).countUsed(0, 100), 24);
});
