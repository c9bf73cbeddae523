import { equal } from "node:assert/strict";
import { LookupCounts } from "./lookup_counts.ts";

Deno.test("lookup counts agree with a map through growth and removal", () => {
  const counts = new LookupCounts();
  const model = new Map<number, number>();
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let step = 0; step < 60000; step++) {
    const ino = 1 + random(step < 30000 ? 8000 : 300) * 128;
    if (random(5) < (step < 30000 ? 3 : 1)) {
      counts.add(ino);
      model.set(ino, (model.get(ino) ?? 0) + 1);
    } else {
      const take = 1 + random(3);
      const left = Math.max(0, (model.get(ino) ?? 0) - take);
      equal(counts.take(ino, take), left);
      if (left === 0) model.delete(ino);
      else model.set(ino, left);
    }
  }
  equal(counts.size, model.size);
  for (const [ino, count] of model) equal(counts.get(ino), count);
});

Deno.test("a node may be looked up any number of times", () => {
  const counts = new LookupCounts();
  for (let time = 1; time <= 100_000; time++) {
    counts.add(7);
    equal(counts.get(7), time);
  }
  for (let ino = 100; ino < 5000; ino++) counts.add(ino);
  equal(counts.take(7, 99_700), 300);
  equal(counts.take(7, 46), 254);
  counts.add(7);
  equal(counts.get(7), 255);
  equal(counts.take(7, 255), 0);
  equal(counts.get(7), 0);
  counts.add(7);
  equal(counts.get(7), 1);
  equal(counts.size, 4901);
});
