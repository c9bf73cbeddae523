import assert from "node:assert/strict";
import { BufferCache } from "../device/cache.ts";
import type { BlockDevice } from "../device/device.ts";
import { MemoryDevice } from "../device/memory.ts";
import { RecordingDevice } from "../device/recording.ts";
import { DeviceError } from "../errors.ts";
import { JournalIncompat } from "../layout/journal.ts";
import { newJournalSuperblock } from "../layout/journal_superblock.ts";
import { JournalStore } from "./journal_store.ts";
import { Log } from "./log.ts";
import { applyRecovery, planRecovery } from "./replay.ts";
import { Transactions } from "./transaction.ts";
import { ImmediateWriteQueue, type MarkReached, type WriteQueue } from "./write_queue.ts";

const BLOCK_BYTES = 1024;
const FILE_SYSTEM_BLOCKS = 4096;
const JOURNAL_BLOCKS = 1024;
const SIZE_BYTES = (FILE_SYSTEM_BLOCKS + JOURNAL_BLOCKS) * BLOCK_BYTES;
const CLOCK = { read(): void {}, seconds: 1_700_000_000, nanoseconds: 5 };

function newLog(device: BlockDevice, checksums: 0 | 2 | 3 = 3): Log {
  const superblock = newJournalSuperblock({
    blockBytes: BLOCK_BYTES,
    totalBlocks: JOURNAL_BLOCKS,
    firstBlock: 1,
    fastCommitBlocks: 0,
    uuid: new Uint8Array(16).fill(7),
  });
  superblock.featureIncompat = JournalIncompat.REVOKE | JournalIncompat.BIT64;
  superblock.setChecksums(checksums);
  superblock.setChecksum();
  device.write(superblock.bytes, FILE_SYSTEM_BLOCKS * BLOCK_BYTES);
  return openLog(device);
}

function openLog(device: BlockDevice): Log {
  const blocks = Float64Array.from({ length: JOURNAL_BLOCKS }, (_, i) => FILE_SYSTEM_BLOCKS + i);
  return new Log(device, BLOCK_BYTES, blocks);
}

/** Does what it is given when told to. */
class HeldQueue implements WriteQueue {
  readonly background = true;
  readonly #inner = new ImmediateWriteQueue();
  readonly #waiting: (() => void)[] = [];

  write(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.#waiting.push(() => this.#inner.write(device, bytes, offsetBytes));
  }
  writeThrough(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.#waiting.push(() => this.#inner.writeThrough(device, bytes, offsetBytes));
  }
  flush(device: BlockDevice): void {
    this.#waiting.push(() => this.#inner.flush(device));
  }
  mark(reached: MarkReached): void {
    this.#waiting.push(() => this.#inner.mark(reached));
  }
  drain(): void {
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) work();
  }
}

function make(
  queue: WriteQueue = new ImmediateWriteQueue(),
  device: BlockDevice = new MemoryDevice(SIZE_BYTES),
) {
  const log = newLog(device);
  const store = new JournalStore(log, {
    device,
    queue,
    ordered: true,
    barriers: true,
    clock: CLOCK,
  });
  const cache = new BufferCache(device, BLOCK_BYTES, 16 * BLOCK_BYTES);
  cache.overlay = store.blocks;
  const transactions = new Transactions(cache, store);
  const change = (block: number, value: number): void => {
    const handle = transactions.begin(1);
    const buffer = cache.get(block);
    buffer.view.setUint32(4, value);
    handle.dirty(buffer);
    handle.end();
  };
  const inPlace = (block: number): number => valueIn(device, block);
  return { device, log, store, cache, transactions, change, inPlace };
}

function valueIn(device: BlockDevice, block: number): number {
  const bytes = new Uint8Array(8);
  device.read(bytes, block * BLOCK_BYTES);
  return new DataView(bytes.buffer).getUint32(4);
}

/** A copy of the device as it is, with its journal replayed. */
function recovered(device: BlockDevice): MemoryDevice {
  const bytes = new Uint8Array(device.sizeBytes);
  device.read(bytes, 0);
  const copy = MemoryDevice.from(bytes);
  const log = openLog(copy);
  if (log.superblock.startBlock !== 0) {
    applyRecovery(log, planRecovery(log, FILE_SYSTEM_BLOCKS), copy);
  }
  return copy;
}

Deno.test("what is committed is in the log, is read from there, and comes back after a crash", () => {
  const { device, cache, transactions, change, inPlace } = make();
  change(5, 1);
  assert.equal(valueIn(recovered(device), 5), 0);
  transactions.commit(true);
  change(5, 2);
  assert.equal(inPlace(5), 0);
  assert.equal(valueIn(recovered(device), 5), 1);
  transactions.commit(true);
  cache.clear();
  assert.equal(cache.get(5).view.getUint32(4), 2);
  assert.equal(valueIn(recovered(device), 5), 2);
});

Deno.test("the log goes round many times, and every state of it recovers", () => {
  const { device, store, transactions, change } = make();
  const values = new Map<number, number>();
  for (let round = 1; round <= 400; round++) {
    for (let i = 0; i < 10; i++) {
      const block = (round * 37 + i * 101) % 997;
      change(block, round);
      values.set(block, round);
    }
    transactions.commit(true);
    if (round % 7 !== 0) continue;
    const copy = recovered(device);
    for (const [block, value] of values) assert.equal(valueIn(copy, block), value, `${block}`);
  }
  assert.ok(store.counters.logBlocks > 3 * JOURNAL_BLOCKS);
  store.close();
  for (const [block, value] of values) assert.equal(valueIn(device, block), value);
  assert.equal(openLog(device).superblock.startBlock, 0);
});

Deno.test("a commit block that is torn at a sector is there or is not", () => {
  const memory = new MemoryDevice(SIZE_BYTES);
  const recording = new RecordingDevice(memory);
  const { transactions, change } = make(new ImmediateWriteQueue(), recording);
  change(5, 1);
  transactions.commit(true);
  const last = recording.events.findLastIndex(({ kind }) => kind === "write");
  const event = recording.events[last];
  assert.ok(event?.kind === "write" && event.bytes.length === BLOCK_BYTES);
  for (const sectors of [[], [0], [1]]) {
    const torn = new MemoryDevice(SIZE_BYTES);
    newLog(torn);
    for (const earlier of recording.events.slice(0, last)) {
      if (earlier.kind === "write") torn.write(earlier.bytes, earlier.offsetBytes);
    }
    for (const sector of sectors) {
      const bytes = event.bytes.subarray(512 * sector, 512 * sector + 512);
      torn.write(bytes, event.offsetBytes + 512 * sector);
    }
    assert.equal(valueIn(recovered(torn), 5), sectors.includes(0) ? 1 : 0, `sectors ${sectors}`);
  }
});

Deno.test("a block that was freed and used for data keeps the data, whatever the log holds of it", () => {
  const { device, cache, transactions, change, store } = make();
  change(9, 1);
  transactions.commit(true);
  const handle = transactions.begin(1);
  handle.forget(9, 1);
  handle.end();
  transactions.commit(true);
  const data = new Uint8Array(BLOCK_BYTES).fill(0xdd);
  device.write(data, 9 * BLOCK_BYTES);
  assert.equal(valueIn(recovered(device), 9), 0xdddddddd);
  cache.clear();
  assert.equal(cache.get(9).view.getUint32(4), 0xdddddddd);
  // It becomes metadata once more.
  change(9, 3);
  transactions.commit(true);
  assert.equal(valueIn(recovered(device), 9), 3);
  store.close();
  assert.equal(valueIn(device, 9), 3);
});

Deno.test("a block that looks like one of the journal is escaped in the log", () => {
  const { device, cache, transactions } = make();
  const handle = transactions.begin(1);
  const buffer = cache.get(11);
  buffer.view.setUint32(0, 0xc03b3998);
  handle.dirty(buffer);
  handle.end();
  transactions.commit(true);
  cache.clear();
  assert.equal(cache.get(11).view.getUint32(0), 0xc03b3998);
  const bytes = new Uint8Array(4);
  recovered(device).read(bytes, 11 * BLOCK_BYTES);
  assert.deepEqual([...bytes], [0xc0, 0x3b, 0x39, 0x98]);
});

Deno.test("while a transaction is being written the next one begins, with the same blocks", () => {
  const queue = new HeldQueue();
  const { device, cache, transactions, change, store } = make(queue);
  const done: string[] = [];
  change(5, 1);
  transactions.start(true, (error) => done.push(`first ${error}`));
  change(5, 2);
  change(6, 2);
  assert.deepEqual([done, store.underWay], [[], 1]);
  cache.clear();
  assert.equal(cache.get(5).view.getUint32(4), 2);
  transactions.start(true, (error) => done.push(`second ${error}`));
  cache.clear();
  assert.equal(cache.get(5).view.getUint32(4), 2);
  assert.equal(valueIn(recovered(device), 5), 0);
  transactions.start(true, (error) => done.push(`nothing new ${error}`));
  store.drain();
  assert.deepEqual(done, ["first null", "second null", "nothing new null"]);
  assert.equal(valueIn(recovered(device), 5), 2);
  store.close();
  assert.deepEqual([valueIn(device, 5), valueIn(device, 6)], [2, 2]);
});

Deno.test("a write that fails ends the journal; what was committed before is recovered", () => {
  class Failing extends MemoryDevice {
    failing = false;
    override write(source: Uint8Array, offsetBytes: number): void {
      const isLog = offsetBytes > FILE_SYSTEM_BLOCKS * BLOCK_BYTES;
      if (this.failing && isLog) throw new DeviceError("write", offsetBytes, source.length, "test");
      super.write(source, offsetBytes);
    }
  }
  const device = new Failing(SIZE_BYTES);
  const { transactions, change, store } = make(new ImmediateWriteQueue(), device);
  change(5, 1);
  transactions.commit(true);
  device.failing = true;
  change(5, 2);
  assert.throws(() => transactions.commit(true), DeviceError);
  device.failing = false;
  assert.throws(() => change(5, 3), /read-only/);
  assert.ok(store.aborted instanceof DeviceError);
  assert.throws(() => store.close(), DeviceError);
  assert.equal(openLog(device).superblock.error, -5);
  assert.equal(valueIn(recovered(device), 5), 1);
});

Deno.test("what was handed over behind a transaction that fails is not said to be stored", () => {
  class FailingOnce extends MemoryDevice {
    failAt = -1;
    override write(source: Uint8Array, offsetBytes: number): void {
      const isLog = offsetBytes > FILE_SYSTEM_BLOCKS * BLOCK_BYTES;
      if (isLog && this.failAt-- === 0) {
        throw new DeviceError("write", offsetBytes, source.length, "test");
      }
      super.write(source, offsetBytes);
    }
  }
  const device = new FailingOnce(SIZE_BYTES);
  const queue = new HeldQueue();
  const { transactions, change, store } = make(queue, device);
  change(5, 1);
  transactions.commit(true);
  const done: string[] = [];
  const note = (what: string) => (error: Error | null): void => {
    done.push(`${what}: ${error === null ? "stored" : "failed"}`);
  };
  device.failAt = 0;
  change(5, 2);
  transactions.start(true, note("first"));
  change(6, 3);
  transactions.start(true, note("second"));
  transactions.start(true, note("nothing new"));
  store.drain();
  assert.deepEqual(done, ["first: failed", "second: failed", "nothing new: failed"]);
  assert.deepEqual([5, 6].map((block) => valueIn(recovered(device), block)), [1, 0]);
});

Deno.test("a flush that fails with nothing to commit ends the journal too", () => {
  class Failing extends MemoryDevice {
    failing = false;
    override flush(): void {
      if (this.failing) throw new DeviceError("flush", 0, 0, "test");
    }
  }
  const device = new Failing(SIZE_BYTES);
  const { transactions, change, store } = make(new ImmediateWriteQueue(), device);
  change(5, 1);
  transactions.commit(true);
  device.failing = true;
  assert.throws(() => transactions.commit(true), DeviceError);
  device.failing = false;
  assert.throws(() => change(5, 2), /read-only/);
  assert.ok(store.aborted instanceof DeviceError);
  assert.equal(valueIn(recovered(device), 5), 1);
});
