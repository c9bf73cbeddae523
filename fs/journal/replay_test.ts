import assert from "node:assert/strict";
import { Corrupt } from "../errors.ts";
import { JOURNAL_MAGIC } from "../layout/journal.ts";
import { RecoveredDevice } from "./recovered_device.ts";
import { applyRecovery, planRecovery } from "./replay.ts";
import { BLOCK_BYTES, blockOf, FILE_SYSTEM_BLOCKS, JOURNAL_BLOCKS, LogWriter } from "./testing.ts";

const FORMATS = [0, 2, 3].flatMap((checksums) =>
  [false, true].map((wide) => [checksums as 0 | 2 | 3, wide] as const)
);

function diskBlock(writer: LogWriter, block: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_BYTES);
  writer.device.read(bytes, block * BLOCK_BYTES);
  return bytes;
}

for (const [checksums, wide] of FORMATS) {
  const name = `checksums ${checksums}, ${wide ? 64 : 32} bit`;

  Deno.test(`replay writes the last complete copy of each block: ${name}`, () => {
    const writer = new LogWriter(checksums, wide);
    writer.copies(new Map([[10, blockOf(1)], [11, blockOf(2)]]));
    writer.commit();
    writer.copies(new Map([[10, blockOf(3)], [12, blockOf(4)]]));
    writer.commit();
    writer.copies(new Map([[11, blockOf(5)]]));
    const recovery = planRecovery(writer.log, FILE_SYSTEM_BLOCKS);
    assert.equal(recovery.transactions, 2);
    applyRecovery(writer.log, recovery, writer.device);
    assert.deepEqual(diskBlock(writer, 10), blockOf(3));
    assert.deepEqual(diskBlock(writer, 11), blockOf(2), "the last transaction has no commit block");
    assert.deepEqual(diskBlock(writer, 12), blockOf(4));
    assert.equal(writer.log.superblock.startBlock, 0);
    assert.equal(writer.log.superblock.sequence, 10);
  });

  Deno.test(`a revoked block is not replayed, one logged again after it is: ${name}`, () => {
    const writer = new LogWriter(checksums, wide);
    writer.copies(new Map([[10, blockOf(1)], [11, blockOf(2)]]));
    writer.commit();
    writer.revokes([10, 11]);
    writer.copies(new Map([[12, blockOf(3)]]));
    writer.commit();
    writer.copies(new Map([[11, blockOf(4)]]));
    writer.commit();
    const recovery = planRecovery(writer.log, FILE_SYSTEM_BLOCKS);
    assert.deepEqual([...recovery.blocks.keys()].sort(), [11, 12]);
  });

  Deno.test(`the log is a ring, and the magic is escaped: ${name}`, () => {
    const writer = new LogWriter(checksums, wide, JOURNAL_BLOCKS - 2);
    const magic = blockOf(8);
    new DataView(magic.buffer).setUint32(0, JOURNAL_MAGIC);
    writer.copies(new Map([[20, magic], [21, blockOf(6)]]));
    writer.commit();
    const recovery = planRecovery(writer.log, FILE_SYSTEM_BLOCKS);
    const shown = new RecoveredDevice(writer.device, writer.log, recovery);
    const bytes = new Uint8Array(3 * BLOCK_BYTES);
    shown.read(bytes, 19 * BLOCK_BYTES + 512);
    assert.deepEqual(bytes.subarray(512, 512 + BLOCK_BYTES), magic);
    assert.deepEqual(bytes.subarray(512 + BLOCK_BYTES, 512 + 2 * BLOCK_BYTES), blockOf(6));
    assert.deepEqual(diskBlock(writer, 20), blockOf(0), "nothing is written");
    applyRecovery(writer.log, recovery, writer.device);
    assert.deepEqual(diskBlock(writer, 20), magic);
  });
}

Deno.test("a damaged copy in a complete transaction stops everything before the first write", () => {
  const writer = new LogWriter(3, true);
  writer.copies(new Map([[10, blockOf(1)]]));
  writer.commit();
  writer.device.write(blockOf(77), (FILE_SYSTEM_BLOCKS + 2) * BLOCK_BYTES);
  assert.throws(() => planRecovery(writer.log, FILE_SYSTEM_BLOCKS), (error) => {
    assert(error instanceof Corrupt);
    assert.match(error.message, /transaction 7, journal block 2.*block 10 has a wrong checksum/);
    return true;
  });
});

Deno.test("a copy for a block beyond the file system is refused", () => {
  const writer = new LogWriter(3, true);
  writer.copies(new Map([[FILE_SYSTEM_BLOCKS, blockOf(1)]]));
  writer.commit();
  assert.throws(() => planRecovery(writer.log, FILE_SYSTEM_BLOCKS), Corrupt);
});

Deno.test("a torn descriptor without its commit block ends the log, one with it is refused", () => {
  for (const committed of [false, true]) {
    const writer = new LogWriter(0, true);
    writer.copies(new Map([[10, blockOf(1)]]));
    writer.commit();
    const torn = FILE_SYSTEM_BLOCKS + writer.at;
    writer.copies(new Map(Array.from({ length: 60 }, (_, i) => [100 + i, blockOf(2)])));
    if (committed) writer.commit();
    // In the second sector, a tag's t_blocknr_high.
    writer.device.write(new Uint8Array(4).fill(0x41), torn * BLOCK_BYTES + 576);
    if (committed) assert.throws(() => planRecovery(writer.log, FILE_SYSTEM_BLOCKS), Corrupt);
    else assert.equal(planRecovery(writer.log, FILE_SYSTEM_BLOCKS).transactions, 1);
  }
});

Deno.test("a log full of descriptors ends", () => {
  const writer = new LogWriter(0, false);
  for (let i = 0; i < JOURNAL_BLOCKS * 2; i++) writer.revokes([i % 100]);
  assert.equal(planRecovery(writer.log, FILE_SYSTEM_BLOCKS).transactions, 0);
});
