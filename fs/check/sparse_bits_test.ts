import assert from "node:assert/strict";
import { PagedNumbers } from "./paged_numbers.ts";
import { SparseBits } from "./sparse_bits.ts";

Deno.test("ranges across pages are set, asked for and copied as a plain set has them", () => {
  const bits = new SparseBits();
  const model = new Set<number>();
  let state = 99;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % bound;
  };
  for (let round = 0; round < 200; round++) {
    const start = below(100_000);
    const count = 1 + below(3000);
    let any = false;
    for (let i = start; i < start + count; i++) any ||= model.has(i);
    assert.equal(bits.hasAny(start, count), any);
    if (round % 3 === 0) {
      bits.delete(start);
      model.delete(start);
      continue;
    }
    bits.setRange(start, count);
    for (let i = start; i < start + count; i++) model.add(i);
  }
  for (let i = 0; i < 110_000; i++) assert.equal(bits.has(i), model.has(i), `${i}`);
  const copy = new Uint8Array(9000);
  bits.copyTo(32_000, copy);
  for (let i = 0; i < copy.length * 8; i++) {
    assert.equal(((copy[i >>> 3] ?? 0) & (1 << (i & 7))) !== 0, model.has(32_000 + i));
  }
});

Deno.test("numbers far apart take pages of their own", () => {
  const numbers = new PagedNumbers();
  assert.equal(numbers.get(4_000_000_000), 0);
  numbers.set(4_000_000_000, 7);
  assert.equal(numbers.increment(5), 1);
  assert.equal(numbers.increment(4_000_000_000), 8);
  assert.equal(numbers.get(4_000_000_001), 0);
});
