import { strict as assert } from "node:assert";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { xattrRegionProblem } from "../layout/xattr.ts";
import { xattrEntryHash } from "../layout/xattr_hash.ts";
import {
  findInRegion,
  fits,
  hasValue,
  isRegionEmpty,
  overlapProblem,
  putEntry,
  type Region,
  removeEntry,
} from "./region.ts";
import { latin1 } from "./testing.ts";

function emptyRegion(bytes: number, first: number, sorted: boolean): Region {
  const array = new Uint8Array(bytes);
  const base = sorted ? 0 : first;
  return { bytes: array, view: new DataView(array.buffer), first, end: bytes, base, sorted };
}

function check(region: Region, model: Map<string, Uint8Array>): void {
  const { view, first, end, base } = region;
  assert.equal(xattrRegionProblem(view, first, end, base, 0), undefined);
  assert.equal(overlapProblem(region), undefined);
  for (const [key, value] of model) {
    const entry = findInRegion(region, key.charCodeAt(0), latin1(key.slice(1)));
    assert.notEqual(entry, 0, `entry ${key}`);
    assert.ok(hasValue(region, entry, value));
  }
  if (model.size === 0) {
    assert.ok(isRegionEmpty(region));
    assert.ok(region.bytes.every((byte) => byte === 0), "what is freed is zero");
  }
}

function randomSequence(random: Random, region: Region, steps: number): void {
  const model = new Map<string, Uint8Array>();
  for (let step = 0; step < steps; step++) {
    const index = 1 + random.below(4);
    const name = "n".repeat(1 + random.below(5)) + random.below(4);
    const key = String.fromCharCode(index) + name;
    const entry = findInRegion(region, index, latin1(name));
    assert.equal(entry !== 0, model.has(key));
    if (random.chance(40)) {
      if (entry !== 0) removeEntry(region, entry);
      model.delete(key);
    } else {
      const value = random.fill(new Uint8Array(random.below(30)));
      if (!fits(region, entry, name.length, value.length)) continue;
      const hash = xattrEntryHash(latin1(name), value);
      putEntry(region, entry, { index, name: latin1(name), value, valueInode: 0, hash });
      model.set(key, value);
    }
    check(region, model);
  }
  for (const key of [...model.keys()]) {
    removeEntry(region, findInRegion(region, key.charCodeAt(0), latin1(key.slice(1))));
    model.delete(key);
    check(region, model);
  }
}

Deno.test("a region keeps what random changes put into it", () => {
  const random = new Random(printedSeed("xattr region"));
  for (const bytes of [128, 256, 1024]) {
    randomSequence(random, emptyRegion(bytes, 32, true), 2000);
    randomSequence(random, emptyRegion(bytes, 36, false), 2000);
  }
});

Deno.test("entries of a sorted region are in order of index, length, bytes", () => {
  const region = emptyRegion(512, 32, true);
  const value = latin1("v");
  for (
    const [index, name] of [[6, "b"], [1, "bb"], [1, "c"], [6, "a"], [2, ""], [1, "ab"]] as const
  ) {
    putEntry(region, 0, { index, name: latin1(name), value, valueInode: 0, hash: 0 });
  }
  const places = [[1, "c"], [1, "ab"], [1, "bb"], [2, ""], [6, "a"], [6, "b"]] as const;
  const offsets = places.map(([index, name]) => findInRegion(region, index, latin1(name)));
  assert.deepEqual(offsets, offsets.toSorted((a, b) => a - b));
});

Deno.test("overlapping values are found", () => {
  const region = emptyRegion(256, 32, true);
  for (const name of ["a", "b"]) {
    const value = latin1("12345678");
    putEntry(region, 0, { index: 1, name: latin1(name), value, valueInode: 0, hash: 0 });
  }
  const second = findInRegion(region, 1, latin1("b"));
  region.view.setUint16(second + 2, region.view.getUint16(second + 2, true) + 4, true);
  assert.match(overlapProblem(region) ?? "", /overlap/);
});
