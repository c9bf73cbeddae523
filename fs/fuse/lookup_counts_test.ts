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
