import assert from "node:assert/strict";
import {
  blocksBelowSlot,
  firstBlockOfSlot,
  indirectPath,
  maxMappedBlocks,
  pointersPerBlock,
} from "./indirect.ts";

Deno.test("the boundaries of each level", () => {
  for (const blockBytes of [1024, 2048, 4096]) {
    const p = pointersPerBlock(blockBytes);
    assert.equal(p, blockBytes / 4);
    const path = new Uint32Array(4);
    const at = (fileBlock: number) => {
      path.fill(0);
      return [indirectPath(fileBlock, blockBytes, path), ...path];
    };
    const double = 12 + p;
    const triple = double + p * p;
    assert.deepEqual(at(0), [0, 0, 0, 0, 0]);
    assert.deepEqual(at(11), [0, 11, 0, 0, 0]);
    assert.deepEqual(at(12), [1, 12, 0, 0, 0]);
    assert.deepEqual(at(double - 1), [1, 12, p - 1, 0, 0]);
    assert.deepEqual(at(double), [2, 13, 0, 0, 0]);
    assert.deepEqual(at(triple - 1), [2, 13, p - 1, p - 1, 0]);
    assert.deepEqual(at(triple), [3, 14, 0, 0, 0]);
    assert.deepEqual(at(triple + p ** 3 - 1), [3, 14, p - 1, p - 1, p - 1]);
    assert.equal(at(triple + p ** 3)[0], -1);
    assert.deepEqual([12, 13, 14].map((slot) => firstBlockOfSlot(slot, blockBytes)), [
      12,
      double,
      triple,
    ]);
    assert.equal(maxMappedBlocks(blockBytes), triple + p ** 3);
    assert.equal(blocksBelowSlot(2, blockBytes), p * p);
  }
  assert.equal(maxMappedBlocks(65536), 0xffffffff);
});

Deno.test("a path leads back to its file block, from the first to the last that fits", () => {
  const blockBytes = 1024;
  const path = new Uint32Array(4);
  for (let fileBlock = 0; fileBlock < maxMappedBlocks(blockBytes); fileBlock += 104_729) {
    const levels = indirectPath(fileBlock, blockBytes, path);
    let sum = firstBlockOfSlot(path[0] ?? 0, blockBytes);
    for (let level = 1; level <= levels; level++) {
      sum += (path[level] ?? 0) * blocksBelowSlot(levels - level, blockBytes);
    }
    assert.equal(sum, fileBlock);
  }
});
