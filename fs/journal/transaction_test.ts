import assert from "node:assert/strict";
import { BufferCache } from "../device/cache.ts";
import { MemoryDevice } from "../device/memory.ts";
import { FsError } from "../errors.ts";
import { InPlaceStore } from "./in_place.ts";
import { type Participant, Transactions } from "./transaction.ts";

const BLOCK_BYTES = 1024;

function make(capacityBytes = 64 * BLOCK_BYTES) {
  const device = new MemoryDevice(1 << 20);
  const cache = new BufferCache(device, BLOCK_BYTES, 16 * BLOCK_BYTES);
  const transactions = new Transactions(
    cache,
    new InPlaceStore(device, BLOCK_BYTES, capacityBytes),
  );
  const stored = (block: number): number => {
    const bytes = new Uint8Array(1);
    device.read(bytes, block * BLOCK_BYTES);
    return bytes[0] ?? -1;
  };
  return { device, cache, transactions, stored };
}

Deno.test("changes reach the device with the commit, sealed once each", () => {
  const { cache, transactions, stored } = make();
  let seals = 0;
  const sealer = {
    seal(buffer: { bytes: Uint8Array }, seed: number): void {
      seals++;
      buffer.bytes[1] = seed;
    },
  };
  for (let i = 1; i <= 3; i++) {
    const handle = transactions.begin(1);
    const buffer = cache.get(5);
    buffer.bytes[0] = i;
    handle.dirty(buffer, sealer, 42);
    handle.end();
  }
  assert.equal(stored(5), 0);
  transactions.commit(true);
  assert.equal(stored(5), 3);
  assert.equal(seals, 1);
  assert.equal(cache.get(5).bytes[1], 42);
  assert.equal(cache.get(5).dirty, false);
});

Deno.test("a freed block is not written, one used again is", () => {
  const { cache, transactions, stored } = make();
  const handle = transactions.begin(4);
  for (const block of [5, 6]) {
    const buffer = cache.get(block);
    buffer.bytes[0] = 1;
    handle.dirty(buffer);
  }
  handle.forget(5, 2);
  const again = cache.fresh(6);
  again.bytes[0] = 2;
  handle.dirty(again);
  handle.end();
  transactions.commit(false);
  assert.equal(stored(5), 0);
  assert.equal(stored(6), 2);
});

Deno.test("a transaction that would be too large is committed first, what participants hold included", () => {
  const { cache, transactions, stored } = make(64 * BLOCK_BYTES);
  const held: Participant & { pendingBlocks: number } = {
    pendingBlocks: 0,
    beforeSeal(): void {
      this.pendingBlocks = 0;
    },
  };
  transactions.register(held);
  const change = (block: number): void => {
    const handle = transactions.begin(10);
    const buffer = cache.get(block);
    buffer.bytes[0] = 9;
    handle.dirty(buffer);
    handle.end();
  };
  for (let block = 1; block <= 55; block++) change(block);
  assert.equal(stored(1), 0);
  change(56);
  assert.equal(stored(1), 9);
  held.pendingBlocks = 60;
  change(57);
  assert.equal(stored(56), 9);
});

Deno.test("dirty buffers stay in memory; clean ones are dropped down to the limit", () => {
  const { cache, transactions } = make();
  const handle = transactions.begin(8);
  for (let block = 1; block <= 8; block++) handle.dirty(cache.get(block));
  handle.end();
  for (let block = 10; block < 400; block++) {
    cache.get(block);
    cache.trim();
  }
  for (let block = 1; block <= 8; block++) assert.equal(cache.peek(block)?.dirty, true);
  assert(cache.sizeBytes < 120 * BLOCK_BYTES, `${cache.sizeBytes} bytes are kept`);
});

Deno.test("after stop nothing is begun or written", () => {
  const { cache, transactions, stored } = make();
  const handle = transactions.begin(1);
  const buffer = cache.get(3);
  buffer.bytes[0] = 1;
  handle.dirty(buffer);
  handle.end();
  transactions.stop("a test");
  assert.throws(() => transactions.commit(true), FsError);
  transactions.commit(false);
  assert.equal(stored(3), 0);
  assert.throws(() => transactions.begin(1), FsError);
});
