import assert from "node:assert/strict";
import { O_CREAT, O_RDWR } from "../libc/constants.ts";
import { close, open } from "../libc/file.ts";
import { IoVector } from "../libc/io_vector.ts";
import { addressOf } from "../libc/memory.ts";
import { PollSet } from "../libc/poll_set.ts";
import { IoThread } from "./io_thread.ts";
import { IO_OPERATION, QUEUE_SLOTS } from "./queue.ts";

Deno.test("a thread writes, reads and syncs in order, while this one polls", async () => {
  const path = Deno.makeTempFileSync({ prefix: "ffi-io-" });
  const descriptor = open(path, O_RDWR | O_CREAT);
  const thread = await IoThread.start();
  const polled = new PollSet();
  polled.add(thread.event, () => thread.reap());
  const results: number[] = [];
  const note = (result: number) => results.push(result);
  const waitFor = (count: number) => {
    while (results.length < count) polled.wait(5000);
  };

  const source = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  const target = new Uint8Array(100_010);
  const sourceAt = addressOf(source);
  const targetAt = addressOf(target);
  const vector = new IoVector();
  vector.fill([source.subarray(0, 5), source.subarray(10, 15)], 0);
  const request = (operation: number, address: number, length: number, offset: number) =>
    thread.submit({ operation, descriptor, address, length, offset }, note);
  request(IO_OPERATION.WRITE, sourceAt, source.length, 7);
  request(IO_OPERATION.SYNC, 0, 0, 0);
  request(IO_OPERATION.READ, targetAt, target.length, 0);
  request(IO_OPERATION.WRITE_VECTOR, Number(vector.address), vector.count, 0);
  request(99, 0, 0, 0);
  thread.submit(
    { operation: IO_OPERATION.SYNC, descriptor: -1, address: 0, length: 0, offset: 0 },
    note,
  );
  assert.equal(thread.pendingCount, 6);
  waitFor(6);
  const tookMicroseconds = results[1] ?? -1;
  assert.ok(tookMicroseconds >= 0);
  assert.deepEqual(results, [100_000, tookMicroseconds, 100_007, 10, -22, -9]);
  assert.deepEqual(target.subarray(7, 100_007), source);

  results.length = 0;
  let accepted = 0;
  for (let round = 0; round < 1000; round++) {
    if (request(IO_OPERATION.SYNC, 0, 0, 0)) accepted++;
    else polled.wait(5000);
  }
  assert.ok(accepted >= QUEUE_SLOTS);
  waitFor(accepted);
  assert.equal(thread.pendingCount, 0);
  thread.close();
  assert.ok(!request(IO_OPERATION.SYNC, 0, 0, 0));
  close(descriptor);
  Deno.removeSync(path);
});

Deno.test("after a chained request failed, the chained ones up to the next mark are left out", async () => {
  const path = Deno.makeTempFileSync({ prefix: "ffi-io-" });
  const descriptor = open(path, O_RDWR | O_CREAT);
  const thread = await IoThread.start();
  const results: number[] = [];
  const bytes = Uint8Array.of(1, 2, 3);
  const write = (to: number, offset: number, chained = true) => {
    const address = addressOf(bytes);
    const { WRITE: operation } = IO_OPERATION;
    const request = { operation, descriptor: to, address, length: 3, offset, chained };
    thread.submit(request, (result) => results.push(result));
  };
  const mark = { operation: IO_OPERATION.MARK, descriptor: -1, address: 0, length: 0, offset: 0 };
  write(descriptor, 0);
  write(-1, 0);
  write(descriptor, 10);
  write(descriptor, 20, false);
  thread.submit(mark, (result) => results.push(result));
  write(descriptor, 3);
  while (thread.pendingCount > 0) thread.waitForOne();
  assert.deepEqual(results, [3, -9, -125, 3, 0, 3]);
  assert.equal(Deno.readFileSync(path).length, 23);
  thread.close();
  close(descriptor);
  Deno.removeSync(path);
});
