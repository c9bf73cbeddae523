import assert from "node:assert/strict";

import { QueueInflight } from "./inflight.ts";

const SIZE = 8;

function fresh(): { memory: Uint8Array; queue: QueueInflight } {
  const memory = new Uint8Array(16 + SIZE * 16);
  const queue = new QueueInflight(memory, SIZE);
  assert.deepEqual(queue.resume(0), []);
  return { memory, queue };
}

Deno.test("what was taken and not given back comes again, oldest first", () => {
  const { memory, queue } = fresh();
  for (const head of [5, 2, 7, 1]) queue.take(head);
  queue.giving(2);
  queue.given(2, 1);
  assert.deepEqual(new QueueInflight(memory, SIZE).resume(1), [5, 7, 1]);
  const next = new QueueInflight(memory, SIZE);
  next.resume(1);
  next.take(0);
  assert.deepEqual(new QueueInflight(memory, SIZE).resume(1), [5, 7, 1, 0]);
});

Deno.test("what the used index counts was given back, even if the process ended before it said so", () => {
  const { memory, queue } = fresh();
  for (const head of [3, 4]) queue.take(head);
  queue.giving(3);
  assert.deepEqual(new QueueInflight(memory, SIZE).resume(1), [4]);
});

Deno.test("memory of another size or full of nonsense is begun anew, and nothing loops", () => {
  const { memory } = fresh();
  assert.deepEqual(new QueueInflight(memory, 4).resume(3), []);
  const random = crypto.getRandomValues(new Uint8Array(16 + SIZE * 16));
  new DataView(random.buffer).setUint16(8, 1, true);
  new DataView(random.buffer).setUint16(10, SIZE, true);
  for (const head of new QueueInflight(random, SIZE).resume(9)) assert.ok(head < SIZE);
});
