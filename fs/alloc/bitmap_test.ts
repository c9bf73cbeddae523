import assert from "node:assert/strict";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import {
  allSet,
  anySetWord,
  clearBits,
  clearWords,
  countFree,
  findRun,
  nextFree,
  nextUsed,
  setBits,
  setWords,
  testBit,
} from "./bitmap.ts";
import { GroupMaxima } from "./group_maxima.ts";

const BITS = 512;

/** Bits as a string: `.` free, `x` used. */
function randomBits(random: Random): string {
  let text = "";
  const longest = random.pick([1, 3, 30, 70, 200]);
  while (text.length < BITS) {
    text += (random.chance(50) ? "." : "x").repeat(random.between(1, longest));
  }
  return text.slice(0, BITS);
}

function viewOfBits(bits: string): DataView {
  const view = new DataView(new ArrayBuffer(BITS / 8));
  for (const [at, bit] of [...bits].entries()) {
    if (bit === "x") view.setUint8(at >>> 3, view.getUint8(at >>> 3) | (1 << (at & 7)));
  }
  return view;
}

function textOf(view: DataView): string {
  return Array.from({ length: BITS }, (_, at) => testBit(view, at) ? "x" : ".").join("");
}

Deno.test("searches of bitmaps agree with searches of strings", () => {
  const random = new Random(printedSeed("bitmap search"));
  for (let round = 0; round < 3000; round++) {
    const disk = randomBits(random);
    const hidden = random.chance(50) ? ".".repeat(BITS) : randomBits(random);
    const both = [...disk].map((bit, at) => bit === "x" || hidden[at] === "x" ? "x" : ".").join("");
    const view = viewOfBits(disk);
    const words = new Int32Array(viewOfBits(hidden).buffer);
    const end = random.between(1, BITS);
    const from = random.below(end);
    const part = both.slice(from, end);
    const at = (found: number): number => found < 0 ? end : from + found;
    assert.equal(nextFree(view, words, from, end), at(part.indexOf(".")));
    assert.equal(nextUsed(view, words, from, end), at(part.indexOf("x")));
    assert.equal(countFree(view, words, end), both.slice(0, end).replaceAll("x", "").length);
    const wanted = random.pick([1, 2, 5, 20, 31, 32, 33, 64, 100, 300]);
    const run = { start: 0, length: 0 };
    const found = findRun(view, words, from, end, wanted, run);
    assert.equal(found, part.includes(".".repeat(wanted)));
    const longest = Math.max(0, ...part.split("x").map((free) => free.length));
    assert.equal(run.length, found ? wanted : longest);
    assert.equal(both.slice(run.start, run.start + run.length), ".".repeat(run.length));
    assert.ok(run.start >= from && run.start + run.length <= end);
  }
});

Deno.test("ranges of bits are set, cleared and tested", () => {
  const random = new Random(printedSeed("bitmap ranges"));
  for (let round = 0; round < 3000; round++) {
    const bits = randomBits(random);
    const view = viewOfBits(bits);
    const words = new Int32Array(viewOfBits(bits).buffer);
    const from = random.below(BITS);
    const count = random.between(1, BITS - from);
    const set = bits.slice(0, from) + "x".repeat(count) + bits.slice(from + count);
    const clear = bits.slice(0, from) + ".".repeat(count) + bits.slice(from + count);
    assert.equal(allSet(view, from, count), bits === set);
    assert.equal(anySetWord(words, from, count), bits !== clear);
    setBits(view, from, count);
    setWords(words, from, count);
    assert.equal(textOf(view), set);
    assert.equal(textOf(new DataView(words.buffer)), set);
    clearBits(view, from, count);
    clearWords(words, from, count);
    assert.equal(textOf(view), clear);
    assert.equal(textOf(new DataView(words.buffer)), clear);
  }
});

Deno.test("the next group with enough is found", () => {
  const random = new Random(printedSeed("group maxima"));
  for (let round = 0; round < 200; round++) {
    const groups = random.between(1, 70);
    const bounds = Uint32Array.from({ length: groups }, () => random.below(5));
    const maxima = new GroupMaxima(() => bounds);
    for (let change = 0; change < 50; change++) {
      const group = random.below(groups);
      bounds.fill(random.below(5), group, group + 1);
      maxima.setBound(group, bounds[group] ?? 0);
      const from = random.below(groups);
      const least = random.between(1, 5);
      const next = bounds.findIndex((bound, at) => at >= from && bound >= least);
      assert.equal(maxima.next(from, least), next);
      assert.equal(maxima.largest, Math.max(...bounds));
    }
  }
});
