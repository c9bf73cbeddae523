/**
 * Leaves transactions in the journal of an image, as a crash would: copies of blocks that lie in the image, with revoked
 * blocks and blocks that begin with the journal's magic number.
 *
 * @module
 */

import { Incompat } from "../../fs/layout/features.ts";
import { encodeCommit, encodeRevoke, JournalIncompat } from "../../fs/layout/journal.ts";
import {
  encodeDescriptor,
  type JournalTag,
  tagChecksum,
} from "../../fs/layout/journal_descriptor.ts";
import { JOURNAL_SUPERBLOCK_BYTES, JournalSuperblock } from "../../fs/layout/journal_superblock.ts";
import {
  decodeSuperblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../../fs/layout/superblock.ts";
import { TestVolume } from "../../fs/layout/testing_volume.ts";

/** Transactions, and blocks in each. */
const TRANSACTIONS = 4;
const BLOCKS = 12;

/** The image with a journal that has to be replayed; the replay changes nothing but blocks that are not in use. */
export function leaveJournal(content: Uint8Array, checksums: 0 | 2 | 3): Uint8Array {
  const image = content.slice();
  const volume = new TestVolume(image);
  const journal = [...volume.blocksOf(volume.inode(volume.superblock.journalInode))]
    .sort(([left], [right]) => left - right).map(([, diskBlock]) => diskBlock);
  const first = volume.block(journal[0] ?? 0);
  const superblock = new JournalSuperblock(first.subarray(0, JOURNAL_SUPERBLOCK_BYTES));
  const wide = volume.superblock.has64bit ? JournalIncompat.BIT64 : 0;
  superblock.featureIncompat = JournalIncompat.REVOKE | wide;
  superblock.setChecksums(checksums);
  superblock.startBlock = 1;
  superblock.sequence = 5;
  superblock.setChecksum();
  const writer = new Writer(volume, journal, superblock);
  for (let index = 0; index < TRANSACTIONS; index++) writer.transaction(index);
  return markPending(image);
}

function markPending(image: Uint8Array): Uint8Array {
  const bytes = image.subarray(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES);
  const superblock = decodeSuperblock(bytes);
  superblock.featureIncompat |= Incompat.RECOVER;
  superblock.setChecksum();
  bytes.set(superblock.bytes);
  return image;
}

class Writer {
  #at = 1;

  constructor(
    readonly volume: TestVolume,
    readonly journal: readonly number[],
    readonly superblock: JournalSuperblock,
  ) {}

  /** Copies the first metadata blocks and some blocks at the end, which nothing uses. */
  transaction(index: number): void {
    const format = this.superblock.format();
    const sequence = this.superblock.sequence + index;
    const { blocksCount, firstDataBlock } = this.volume.superblock;
    const tags: JournalTag[] = [];
    const copies: Uint8Array[] = [];
    for (let place = 0; place < BLOCKS; place++) {
      const inUse = place < BLOCKS / 2;
      const diskBlock = inUse
        ? firstDataBlock + 1 + index * BLOCKS + place
        : blocksCount - 1 - index * 5 - place;
      const copy = this.volume.block(diskBlock).slice();
      const escaped = !inUse && place % 2 === 0;
      if (escaped) copy.fill(0, 0, 4);
      tags.push({ diskBlock, escaped, checksum: tagChecksum(format, sequence, copy) });
      copies.push(copy);
    }
    this.#put((bytes, view) =>
      encodeDescriptor(bytes, view, format, sequence, this.superblock.uuid, tags, 0)
    );
    for (const copy of copies) this.#put((bytes) => bytes.set(copy));
    const revoked = [blocksCount - 30 - index, blocksCount - 10];
    this.#put((bytes, view) => encodeRevoke(bytes, view, format, sequence, revoked, 0));
    const commit = { sequence, seconds: 1, nanoseconds: 2, transactionChecksum: undefined };
    this.#put((bytes, view) => encodeCommit(bytes, view, format, commit));
  }

  #put(fill: (bytes: Uint8Array, view: DataView) => void): void {
    const bytes = this.volume.block(this.journal[this.#at++] ?? 0);
    fill(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  }
}
