/**
 * Putting a transaction into the form that the log has (kernel documentation: filesystems/ext4/journal):
 * revoke blocks, then descriptors each with the copies that it names, then the commit block.
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import {
  encodeCommit,
  encodeRevoke,
  JOURNAL_MAGIC,
  type JournalFormat,
  revokeCapacity,
} from "../layout/journal.ts";
import {
  descriptorCapacity,
  encodeDescriptor,
  type JournalTag,
  tagChecksum,
} from "../layout/journal_descriptor.ts";
import type { StagingArea } from "./staging.ts";

/** Journal blocks of a transaction, its commit block included. */
export function transactionBlocks(
  format: JournalFormat,
  copies: number,
  revoked: number,
): number {
  return Math.ceil(revoked / revokeCapacity(format)) + copies +
    Math.ceil(copies / descriptorCapacity(format)) + 1;
}

/** Told of each copy: its buffer, its place among the transaction's blocks, whether it was escaped. */
export type CopyStaged = (
  buffer: Buffer,
  index: number,
  escaped: boolean,
  staged: Uint8Array,
) => void;

/** Writes one transaction's blocks into a staging area, one behind the other. */
export class TransactionWriter {
  #index = 0;

  constructor(
    readonly format: JournalFormat,
    readonly uuid: Uint8Array,
    readonly sequence: number,
    readonly area: StagingArea,
  ) {}

  #block(): { bytes: Uint8Array; view: DataView } {
    const { blockBytes } = this.format;
    const at = this.#index++ * blockBytes;
    const { buffer, byteOffset } = this.area.bytes;
    return {
      bytes: this.area.bytes.subarray(at, at + blockBytes),
      view: new DataView(buffer, byteOffset + at, blockBytes),
    };
  }

  /** @param blocks disk blocks whose copies in earlier transactions must not be replayed. */
  revokes(blocks: readonly number[]): void {
    for (let from = 0; from < blocks.length;) {
      const { bytes, view } = this.#block();
      from = encodeRevoke(bytes, view, this.format, this.sequence, blocks, from);
    }
  }

  /** Copies the buffers' content. */
  copies(buffers: readonly Buffer[], staged: CopyStaged): void {
    const capacity = descriptorCapacity(this.format);
    for (let from = 0; from < buffers.length; from += capacity) {
      const descriptor = this.#block();
      const tags: JournalTag[] = [];
      for (let i = from; i < Math.min(from + capacity, buffers.length); i++) {
        const buffer = buffers[i];
        if (buffer !== undefined) tags.push(this.#copy(buffer, staged));
      }
      const { bytes, view } = descriptor;
      encodeDescriptor(bytes, view, this.format, this.sequence, this.uuid, tags, 0);
    }
  }

  #copy(buffer: Buffer, staged: CopyStaged): JournalTag {
    const index = this.#index;
    const { bytes, view } = this.#block();
    bytes.set(buffer.bytes);
    const escaped = view.getUint32(0) === JOURNAL_MAGIC;
    if (escaped) view.setUint32(0, 0);
    staged(buffer, index, escaped, bytes);
    const checksum = tagChecksum(this.format, this.sequence, bytes);
    return { diskBlock: buffer.block, escaped, checksum };
  }

  /** What lies in the commit block's place until that is written. */
  blank(): void {
    this.#block().bytes.fill(0);
  }

  /** The commit block. */
  commit(seconds: number, nanoseconds: number): void {
    const { bytes, view } = this.#block();
    const { sequence } = this;
    encodeCommit(bytes, view, this.format, {
      sequence,
      seconds,
      nanoseconds,
      transactionChecksum: undefined,
    });
  }
}
