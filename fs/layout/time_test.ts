import assert from "node:assert/strict";
import {
  clampSeconds,
  decodeNanoseconds,
  decodeSeconds,
  encodeExtra,
  encodeSeconds,
  MAX_SECONDS,
  MAX_SECONDS_WITHOUT_EXTRA,
  MIN_SECONDS,
} from "./time.ts";

Deno.test("the kernel documentation's table of extra bits and 32-bit fields", () => {
  const table: [extra: number, field: number, seconds: number][] = [
    [0, 0x80000000, -0x80000000],
    [0, 0xffffffff, -1],
    [0, 0, 0],
    [0, 0x7fffffff, 0x7fffffff],
    [1, 0x80000000, 0x80000000],
    [1, 0xffffffff, 0xffffffff],
    [1, 0, 0x100000000],
    [1, 0x7fffffff, 0x17fffffff],
    [2, 0x80000000, 0x180000000],
    [2, 0x7fffffff, 0x27fffffff],
    [3, 0x80000000, 0x280000000],
    [3, 0x7fffffff, 0x37fffffff],
  ];
  for (const [extra, field, seconds] of table) {
    assert.equal(decodeSeconds(field, extra), seconds);
    assert.equal(encodeSeconds(seconds), field);
    assert.equal(encodeExtra(seconds, 0), extra);
    assert.equal(encodeExtra(seconds, 999_999_999), (999_999_999 * 4) + extra);
    assert.equal(decodeNanoseconds(encodeExtra(seconds, 123_456_789)), 123_456_789);
  }
  assert.equal(MIN_SECONDS, table[0]?.[2]);
  assert.equal(MAX_SECONDS, table.at(-1)?.[2]);
});

Deno.test("times out of range become the nearest one, nanoseconds too", () => {
  assert.equal(clampSeconds(-1e12, true), MIN_SECONDS);
  assert.equal(clampSeconds(1e12, true), MAX_SECONDS);
  assert.equal(clampSeconds(1e12, false), MAX_SECONDS_WITHOUT_EXTRA);
  assert.equal(clampSeconds(5, false), 5);
  assert.equal(decodeNanoseconds(0xffffffff), 999_999_999);
});
