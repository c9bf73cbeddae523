import assert from "node:assert/strict";
import { DEFERRED, type Server } from "../../ffi/fuse/port.ts";
import { type BackgroundReader, ColdReads } from "../../fs/fuse/cold_reads.ts";
import { openEngine } from "../../fs/ops/open_volume.ts";
import { truncate } from "../../fs/ops/truncate.ts";
import { write } from "../../fs/ops/write.ts";
import { createMemoryImage, open } from "../../mod.ts";

const BLOCK_BYTES = 4096;

/** Nothing is in memory at first; what was asked for is read when told to. */
class Reader implements BackgroundReader {
  readonly waiting: (() => void)[] = [];
  warm = false;
  failing = false;
  constructor(readonly device: { read(target: Uint8Array, offset: number): void }) {}

  readNoWait(target: Uint8Array, offset: number): boolean {
    if (this.warm) this.device.read(target, offset);
    return this.warm;
  }
  read(target: Uint8Array, offset: number, done: (result: number) => void): boolean {
    this.waiting.push(() => {
      if (!this.failing) this.device.read(target, offset);
      done(this.failing ? -5 : 0);
    });
    return true;
  }
  finish(): void {
    for (const work of this.waiting.splice(0)) work();
  }
}

function make() {
  const memory = createMemoryImage(16 << 20, { blockBytes: BLOCK_BYTES });
  const content = Uint8Array.from({ length: 10 * BLOCK_BYTES + 7 }, (_, i) => i % 253);
  const image = open(memory);
  image.writeFile("/file", content);
  const { ino } = image.stat("/file");
  image.close();
  const engine = openEngine(memory, {
    readOnly: false,
    cacheBytes: 1 << 20,
    cachedInodes: 100,
    clock: { read(): void {}, seconds: 1, nanoseconds: 0 },
    report: () => {},
    accessTime: "noatime",
    noDirectoryAccessTime: false,
    lazyTime: false,
    sync: false,
    directorySync: false,
    discard: false,
    random: () => 1,
    noRecovery: false,
    mountPoint: "",
  });
  const answers: (number | Uint8Array)[] = [];
  const server: Server = {
    complete: (_unique, result) => void answers.push(result),
    completeData: (_unique, [data]) => void answers.push(data ?? new Uint8Array(0)),
    invalidateAttributes: () => {},
    invalidateInode: () => {},
    invalidateEntry: () => {},
  };
  const reader = new Reader(memory);
  return { content, ino, engine, answers, reader, reads: new ColdReads(engine, reader, server) };
}

Deno.test("a read of what is in memory is answered at once", () => {
  const { reads, reader, ino, content } = make();
  reader.warm = true;
  const target = new Uint8Array(content.length + 100);
  assert.equal(reads.read(1, ino, 0, target), content.length);
  assert.deepEqual(target.subarray(0, content.length), content);
  assert.equal(reads.read(1, ino, content.length, target), undefined);
});

Deno.test("a read of what is not is answered later, whole", () => {
  const { reads, reader, ino, content, answers } = make();
  assert.equal(reads.read(7, ino, 100, new Uint8Array(content.length)), DEFERRED);
  assert.deepEqual(answers, []);
  reader.finish();
  assert.deepEqual(answers, [content.subarray(100)]);
});

Deno.test("a read that fails is answered with its error", () => {
  const { reads, reader, ino, answers } = make();
  reader.failing = true;
  assert.equal(reads.read(7, ino, 0, new Uint8Array(100)), DEFERRED);
  reader.finish();
  assert.deepEqual(answers, [-5]);
});

Deno.test("blocks that change hands meanwhile are not shown", () => {
  const { reads, reader, ino, answers, engine } = make();
  assert.equal(reads.read(7, ino, 0, new Uint8Array(3 * BLOCK_BYTES)), DEFERRED);
  const waiting = reader.waiting.splice(0);
  assert.equal(truncate(engine, engine.inode(ino), 0, true), 0);
  engine.volume.commit(true);
  const how = { privileged: true, killPrivileges: false };
  write(engine, ino, 0, new Uint8Array(BLOCK_BYTES).fill(9), how);
  for (const work of waiting) work();
  assert.deepEqual(answers, [new Uint8Array(BLOCK_BYTES).fill(9)]);
});
