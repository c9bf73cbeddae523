import assert from "node:assert/strict";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { Incompat } from "./features.ts";
import type { InodeRecord } from "./inode.ts";
import {
  decodeCommit,
  decodeRevoke,
  encodeCommit,
  encodeRevoke,
  JOURNAL_MAGIC,
  JournalBlockType,
  journalBlockType,
  journalSequence,
} from "./journal.ts";
import { decodeDescriptor, encodeDescriptor, tagChecksum } from "./journal_descriptor.ts";
import {
  decodeJournalSuperblock,
  type JournalSuperblock,
  newJournalSuperblock,
} from "./journal_superblock.ts";
import { JOURNAL_INODE, SUPERBLOCK_OFFSET } from "./superblock.ts";
import { makeImage, runTool, viewOf, withTempDir } from "./testing.ts";
import { TestVolume } from "./testing_volume.ts";

const NEEDS = [programs("mke2fs", "debugfs", "e2fsck")];

/** The journal of an image, by journal block. */
class Journal {
  readonly volume: TestVolume;
  readonly inode: InodeRecord;
  readonly blocks: Map<number, number>;

  constructor(image: Uint8Array) {
    this.volume = new TestVolume(image);
    this.inode = this.volume.inode(JOURNAL_INODE);
    this.blocks = this.volume.blocksOf(this.inode);
  }

  block(journalBlock: number): Uint8Array {
    return this.volume.block(this.blocks.get(journalBlock) ?? 0);
  }

  superblock(): JournalSuperblock {
    return decodeJournalSuperblock(this.block(0), this.volume.blockBytes, this.blocks.size);
  }
}

/** Options of mke2fs and debugfs's journal_open for each format of the journal. */
const CASES = [
  { name: "without checksums, 32 bits", features: "^metadata_csum,^64bit", open: "jo" },
  { name: "without checksums, 64 bits", features: "^metadata_csum,64bit", open: "jo" },
  { name: "checksums v2, 32 bits", features: "metadata_csum,^64bit", open: "jo -c -v 2" },
  { name: "checksums v2, 64 bits", features: "metadata_csum,64bit", open: "jo -c -v 2" },
  { name: "checksums v3, 32 bits", features: "metadata_csum,^64bit", open: "jo -c -v 3" },
  { name: "checksums v3, 64 bits", features: "metadata_csum,64bit", open: "jo -c -v 3" },
] as const;

/** An image of 8 MiB, of 1 KiB blocks, with a journal and, by debugfs, two transactions in it. */
function imageWithTransactions(
  dir: string,
  features: string,
  open: string,
  data: Uint8Array,
): Uint8Array {
  const path = `${dir}/image`;
  const options = ["-t", "ext4", "-b", "1024", "-O", `has_journal,^orphan_file,${features}`];
  makeImage(path, 8 << 20, options);
  Deno.writeFileSync(`${dir}/data`, data);
  const commands = [open, `jw -b 6000,6001,6002 ${dir}/data`, "jw -r 6001,6003", "jc"];
  Deno.writeTextFileSync(`${dir}/commands`, commands.join("\n") + "\n");
  runTool("debugfs", ["-w", "-f", `${dir}/commands`, path]);
  return Deno.readFileSync(path);
}

/** Three blocks, of which the second begins with the journal's magic. */
function sampleData(): Uint8Array {
  const data = new Uint8Array(3072).map((_, index) => (index * 7 + (index >> 10)) & 0xff);
  viewOf(data).setUint32(1024, JOURNAL_MAGIC);
  return data;
}

for (const { name, features, open } of CASES) {
  testWith({
    name: `transactions written by debugfs decode: ${name}`,
    needs: NEEDS,
    fn: () =>
      withTempDir((dir) => {
        const data = sampleData();
        const journal = new Journal(imageWithTransactions(dir, features, open, data));
        const superblock = journal.superblock();
        const format = superblock.format();
        assert.equal(format.checksums, Number(/-v (\d)/.exec(open)?.[1] ?? 0));
        assert.equal(format.is64bit, features.endsWith(",64bit"));
        let at = superblock.startBlock;
        assert.ok(at >= 1);
        const descriptor = journal.block(at);
        assert.equal(journalBlockType(viewOf(descriptor)), JournalBlockType.DESCRIPTOR);
        assert.equal(journalSequence(viewOf(descriptor)), superblock.sequence);
        const tags = decodeDescriptor(descriptor, viewOf(descriptor), format, at);
        assert.deepEqual(tags.map((tag) => tag.diskBlock), [6000, 6001, 6002]);
        assert.deepEqual(tags.map((tag) => tag.escaped), [false, true, false]);
        tags.forEach((tag, index) => {
          const copy = journal.block(at + 1 + index).slice();
          assert.equal(tag.checksum, tagChecksum(format, superblock.sequence, copy));
          if (tag.escaped) viewOf(copy).setUint32(0, JOURNAL_MAGIC);
          assert.deepEqual(copy, data.subarray(index * 1024, index * 1024 + 1024));
        });
        at += 1 + tags.length;
        const commit = decodeCommit(journal.block(at), viewOf(journal.block(at)), format);
        assert.equal(commit?.sequence, superblock.sequence);
        at++;
        const revoke = journal.block(at);
        assert.equal(journalBlockType(viewOf(revoke)), JournalBlockType.REVOKE);
        const revoked = decodeRevoke(revoke, viewOf(revoke), format, at).sort();
        assert.deepEqual(revoked, [6001, 6003]);
        const end = journal.block(at + 1);
        assert.equal(
          decodeCommit(end, viewOf(end), format)?.sequence,
          superblock.sequence + 1,
        );
      }),
  });
}

/** Writes two transactions into the image's journal: three blocks, then a revoke of the second. */
function writeTransactions(image: Uint8Array, checksums: 0 | 2 | 3, data: Uint8Array): void {
  const journal = new Journal(image);
  const superblock = journal.superblock();
  superblock.setChecksums(checksums);
  superblock.featureIncompat |= 1 | (journal.volume.superblock.has64bit ? 2 : 0);
  superblock.sequence = 41;
  superblock.startBlock = 5;
  superblock.setChecksum();
  journal.block(0).set(superblock.bytes);
  const format = superblock.format();
  const tags = [0, 1, 2].map((index) => {
    const copy = journal.block(6 + index);
    copy.set(data.subarray(index * 1024, index * 1024 + 1024));
    const escaped = viewOf(copy).getUint32(0) === JOURNAL_MAGIC;
    if (escaped) viewOf(copy).setUint32(0, 0);
    return { diskBlock: 6000 + index, escaped, checksum: tagChecksum(format, 41, copy) };
  });
  const time = { seconds: 1700000000, nanoseconds: 0, transactionChecksum: undefined };
  const [descriptor, commit, revoke, end] = [5, 9, 10, 11].map((at) => journal.block(at));
  assert.ok(descriptor && commit && revoke && end);
  encodeDescriptor(descriptor, viewOf(descriptor), format, 41, superblock.uuid, tags, 0);
  encodeCommit(commit, viewOf(commit), format, { sequence: 41, ...time });
  encodeRevoke(revoke, viewOf(revoke), format, 42, [6002], 0);
  encodeCommit(end, viewOf(end), format, { sequence: 42, ...time });
  const fs = journal.volume.superblock;
  fs.featureIncompat |= Incompat.RECOVER;
  fs.setChecksum();
  image.set(fs.bytes, SUPERBLOCK_OFFSET);
}

for (const { name, features, open } of CASES) {
  testWith({
    name: `transactions written here are replayed by e2fsck: ${name}`,
    needs: NEEDS,
    fn: () =>
      withTempDir((dir) => {
        const path = `${dir}/image`;
        const options = ["-t", "ext4", "-b", "1024", "-O", `has_journal,^orphan_file,${features}`];
        const image = makeImage(path, 8 << 20, options);
        const checksums = Number(/-v (\d)/.exec(open)?.[1] ?? 0) as 0 | 2 | 3;
        const data = sampleData();
        writeTransactions(image, checksums, data);
        Deno.writeFileSync(path, image);
        runTool("e2fsck", ["-E", "journal_only", "-y", path], [0, 1]);
        const after = new Journal(Deno.readFileSync(path));
        assert.equal(after.superblock().startBlock, 0);
        assert.deepEqual(after.volume.block(6000), data.subarray(0, 1024));
        assert.deepEqual(after.volume.block(6001), data.subarray(1024, 2048));
        assert.deepEqual(after.volume.block(6002), new Uint8Array(1024), "revoked");
        runTool("e2fsck", ["-fn", path]);
      }),
  });
}

testWith({
  name: "a new superblock is mke2fs's, byte for byte",
  needs: NEEDS,
  fn: () =>
    withTempDir((dir) => {
      const options = ["-t", "ext4", "-b", "1024", "-J", "size=2", "-O", "has_journal"];
      const journal = new Journal(makeImage(`${dir}/image`, 8 << 20, options));
      const { fastCommitBlocks } = journal.superblock();
      const own = newJournalSuperblock({
        blockBytes: 1024,
        totalBlocks: journal.blocks.size,
        firstBlock: 1,
        fastCommitBlocks,
        uuid: journal.volume.superblock.uuid,
      });
      assert.deepEqual(own.bytes, journal.block(0));
    }),
});
