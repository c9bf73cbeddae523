import assert from "node:assert/strict";
import { Corrupt } from "../errors.ts";
import {
  type Commit,
  decodeCommit,
  decodeRevoke,
  encodeCommit,
  encodeRevoke,
  JOURNAL_MAGIC,
  JournalBlockType,
  journalBlockType,
  type JournalFormat,
  JournalIncompat,
  journalSequence,
  nextSequence,
  revokeCapacity,
  sequenceIsAfter,
} from "./journal.ts";
import {
  decodeDescriptor,
  descriptorCapacity,
  encodeDescriptor,
  type JournalTag,
  tagBytes,
  tagChecksum,
} from "./journal_descriptor.ts";
import {
  decodeJournalSuperblock,
  JOURNAL_SUPERBLOCK_BYTES,
  JournalSuperblock,
  newJournalSuperblock,
} from "./journal_superblock.ts";
import { viewOf, withFlippedBytes } from "./testing.ts";

const UUID = Uint8Array.from({ length: 16 }, (_, index) => index + 1);

const FORMATS: JournalFormat[] = ([0, 2, 3] as const).flatMap((checksums) =>
  [false, true].map((is64bit) => ({ blockBytes: 1024, is64bit, checksums, seed: 0x1234 }))
);

Deno.test("tags have the kernel's sizes, and blocks hold as many as fit", () => {
  assert.deepEqual(FORMATS.map(tagBytes), [8, 12, 10, 14, 16, 16]);
  assert.deepEqual(FORMATS.map(descriptorCapacity), [124, 83, 99, 70, 62, 62]);
  assert.deepEqual(FORMATS.map(revokeCapacity), [252, 126, 251, 125, 251, 125]);
});

Deno.test("sequences wrap", () => {
  assert.ok(sequenceIsAfter(1, 0xffffffff));
  assert.ok(!sequenceIsAfter(0xffffffff, 1));
  assert.ok(!sequenceIsAfter(5, 5));
  assert.equal(nextSequence(0xffffffff), 0);
});

function sampleTags(format: JournalFormat, count: number): JournalTag[] {
  return Array.from({ length: count }, (_, index) => ({
    diskBlock: index * 3 + (format.is64bit ? 2 ** 40 : 7),
    escaped: index % 3 === 1,
    checksum: format.checksums === 0 ? 0 : index * 77 + (format.checksums === 3 ? 0xfedc0000 : 0),
  }));
}

Deno.test("descriptors of every format come back, over as many blocks as they need", () => {
  for (const format of FORMATS) {
    for (const count of [1, 2, descriptorCapacity(format), 150]) {
      const tags = sampleTags(format, count);
      const bytes = new Uint8Array(1024);
      const view = viewOf(bytes);
      const found: JournalTag[] = [];
      for (let from = 0; from < count;) {
        const next = encodeDescriptor(bytes, view, format, 9, UUID, tags, from);
        assert.equal(next, Math.min(count, from + descriptorCapacity(format)));
        assert.equal(journalBlockType(view), JournalBlockType.DESCRIPTOR);
        assert.equal(journalSequence(view), 9);
        found.push(...decodeDescriptor(bytes, view, format, 5));
        from = next;
      }
      assert.deepEqual(found, tags);
    }
  }
});

Deno.test("fields of tags are where the kernel's structures have them", () => {
  const bytes = new Uint8Array(1024);
  const view = viewOf(bytes);
  const tags = [
    { diskBlock: 0x12_0000_0034, escaped: true, checksum: 0xabcd1234 },
    { diskBlock: 5, escaped: false, checksum: 1 },
  ];
  const format = FORMATS[5];
  const old = FORMATS[1];
  assert.ok(format && old);
  encodeDescriptor(bytes, view, format, 1, UUID, tags, 0);
  const words = (at: number, count: number) =>
    Array.from({ length: count }, (_, index) => view.getUint32(at + index * 4));
  assert.deepEqual(words(0, 3), [JOURNAL_MAGIC, 1, 1]);
  assert.deepEqual(words(12, 4), [0x34, 1, 0x12, 0xabcd1234]);
  assert.deepEqual(bytes.subarray(28, 44), UUID);
  assert.deepEqual(words(44, 4), [5, 2 | 8, 0, 1]);
  encodeDescriptor(bytes, view, old, 1, UUID, [{ ...tags[0], checksum: 0 } as JournalTag], 0);
  assert.deepEqual(words(12, 3), [0x34, 1 | 8, 0x12]);
});

Deno.test("revoke blocks of every format come back; faults are named", () => {
  for (const format of FORMATS) {
    const blocks = Array.from({ length: 300 }, (_, i) => i + (format.is64bit ? 2 ** 33 : 1));
    const bytes = new Uint8Array(1024);
    const view = viewOf(bytes);
    const found: number[] = [];
    for (let from = 0; from < blocks.length;) {
      from = encodeRevoke(bytes, view, format, 3, blocks, from);
      found.push(...decodeRevoke(bytes, view, format, 8));
    }
    assert.deepEqual(found, blocks);
    if (format.checksums !== 0) {
      withFlippedBytes(bytes, 0, 1024, () => {
        assert.throws(() => decodeRevoke(bytes, view, format, 8), /t_checksum/);
      });
      continue;
    }
    for (const count of [15, 1025, 0xffffffff]) {
      view.setUint32(12, count);
      assert.throws(
        () => decodeRevoke(bytes, view, format, 8),
        new Corrupt("journal revoke block", "journal block 8", `r_count ${count}`),
      );
    }
  }
});

Deno.test("commit blocks of every format come back; a changed byte makes them no commit", () => {
  for (const format of FORMATS) {
    const commit: Commit = {
      sequence: 77,
      seconds: 2 ** 33 + 5,
      nanoseconds: 6,
      transactionChecksum: format.checksums === 0 ? 0xfeed : undefined,
    };
    const bytes = new Uint8Array(1024);
    const view = viewOf(bytes);
    encodeCommit(bytes, view, format, commit);
    assert.equal(view.getUint32(4), 2, "h_blocktype");
    assert.equal(view.getUint32(0x34), 5, "h_commit_sec");
    assert.equal(view.getUint32(0x38), 6, "h_commit_nsec");
    assert.deepEqual(decodeCommit(bytes, view, format), commit);
    if (format.checksums === 0) continue;
    withFlippedBytes(bytes, 0, 1024, () => {
      assert.equal(decodeCommit(bytes, view, format), undefined);
    });
  }
});

Deno.test("checksums of copies: 32, 16 or no bits", () => {
  const copy = new Uint8Array(1024).fill(7);
  const values = FORMATS.map((format) => tagChecksum(format, 5, copy));
  const full = values[4] ?? 0;
  assert.deepEqual(values, [0, 0, full & 0xffff, full & 0xffff, full, full]);
  assert.ok(full > 0xffff);
});

function goodSuperblock(): JournalSuperblock {
  const superblock = newJournalSuperblock({
    blockBytes: 1024,
    totalBlocks: 1280,
    firstBlock: 1,
    fastCommitBlocks: 256,
    uuid: UUID,
  });
  superblock.setChecksums(3);
  superblock.featureIncompat |= JournalIncompat.FAST_COMMIT;
  superblock.setChecksum();
  return superblock;
}

/** s_* fields with their sizes in bytes, in order. */
const SUPERBLOCK_FIELDS = [
  ["s_header", 12],
  ["s_blocksize", 4],
  ["s_maxlen", 4],
  ["s_first", 4],
  ["s_sequence", 4],
  ["s_start", 4],
  ["s_errno", 4],
  ["s_feature_compat", 4],
  ["s_feature_incompat", 4],
  ["s_feature_ro_compat", 4],
  ["s_uuid", 16],
  ["s_nr_users", 4],
  ["s_dynsuper", 4],
  ["s_max_transaction", 4],
  ["s_max_trans_data", 4],
  ["s_checksum_type", 1],
  ["s_padding2", 3],
  ["s_num_fc_blks", 4],
  ["s_head", 4],
  ["s_padding", 160],
  ["s_checksum", 4],
  ["s_users", 768],
] as const;

Deno.test("the superblock's fields are at the kernel's offsets", () => {
  const offsets = new Map<string, number>();
  let at = 0;
  for (const [name, size] of SUPERBLOCK_FIELDS) {
    offsets.set(name, at);
    at += size;
  }
  assert.equal(at, JOURNAL_SUPERBLOCK_BYTES);
  const superblock = goodSuperblock();
  superblock.startBlock = 11;
  superblock.sequence = 12;
  superblock.error = -5;
  superblock.headBlock = 13;
  const word = (name: string) => superblock.view.getUint32(offsets.get(name) ?? 0);
  const expected: Record<string, number> = {
    s_blocksize: 1024,
    s_maxlen: 1280,
    s_first: 1,
    s_sequence: 12,
    s_start: 11,
    s_errno: 0xfffffffb,
    s_feature_incompat: 0x30,
    s_nr_users: 1,
    s_checksum_type: 0x04000000,
    s_num_fc_blks: 256,
    s_head: 13,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(word(name), value, name);
  assert.equal(superblock.logEndBlock, 1024);
  assert.equal(superblock.error, -5);
  assert.deepEqual(superblock.uuid, UUID);
});

Deno.test("a changed byte of the superblock is noticed; each fault is named", () => {
  const { bytes } = goodSuperblock();
  const decode = () => decodeJournalSuperblock(bytes, 1024, 1280);
  assert.equal(decode().format().checksums, 3);
  withFlippedBytes(bytes, 0, 1024, (at) => {
    // Byte 0x2b of s_feature_incompat says whether there is a checksum.
    if (at !== 0x2b) assert.throws(decode, Corrupt);
  });
  const faults: [string, (superblock: JournalSuperblock) => void][] = [
    ["h_magic 0x1 is not 0xc03b3998", ({ view }) => view.setUint32(0, 1)],
    ["h_blocktype 5", ({ view }) => view.setUint32(4, 5)],
    ["s_blocksize 4096 is not 1024", ({ view }) => view.setUint32(0xc, 4096)],
    ["s_maxlen 1281 exceeds 1280", ({ view }) => view.setUint32(0x10, 1281)],
    ["s_first 0", ({ view }) => view.setUint32(0x14, 0)],
    ["s_first 1024", ({ view }) => view.setUint32(0x14, 1024)],
    ["s_start 1024", (superblock) => superblock.startBlock = 1024],
    ["s_feature_incompat: csum_v2 and csum_v3", (superblock) => superblock.featureIncompat |= 8],
    [
      "s_feature_compat: checksum beside csum_v2 or v3",
      (superblock) => superblock.featureCompat |= 1,
    ],
    ["s_checksum_type 1", ({ view }) => view.setUint8(0x50, 1)],
  ];
  for (const [fault, spoil] of faults) {
    const superblock = goodSuperblock();
    spoil(superblock);
    superblock.setChecksum();
    assert.throws(
      () => decodeJournalSuperblock(superblock.bytes, 1024, 1280),
      new Corrupt("journal superblock", "journal block 0", fault),
    );
  }
  const superblock = goodSuperblock();
  superblock.sequence = 5;
  assert.throws(() => decodeJournalSuperblock(superblock.bytes, 1024, 1280), /s_checksum/);
});

Deno.test("a version 1 superblock has no features, whatever its bytes say", () => {
  const superblock = goodSuperblock();
  superblock.view.setUint32(4, JournalBlockType.SUPERBLOCK_V1);
  const decoded = decodeJournalSuperblock(superblock.bytes, 1024, 1280);
  assert.equal(decoded.featureIncompat, 0);
  assert.equal(decoded.checksums, 0);
  assert.equal(decoded.logEndBlock, 1280);
});
