/**
 * Descriptor blocks of the journal (jbd2): the journal header (see `journal.ts`), then a tag for each copied block that
 * follows in the journal, then, with checksums v2 and v3, the tail. Big-endian.
 *
 * Tag with checksums v3 `journal_block_tag3_s` (16 bytes): 0x0 t_blocknr (32 bits), 0x4 t_flags (32),
 * 0x8 t_blocknr_high (32), 0xc t_checksum (32).
 *
 * Other tags `journal_block_tag_s`: 0x0 t_blocknr (32), 0x4 t_checksum (16), 0x6 t_flags (16), and with the 64BIT feature
 * 0x8 t_blocknr_high (32): 8 or 12 bytes. With checksums v2 each tag is 2 bytes longer, which are unused: 10 or 14.
 *
 * A tag without the flag SAME_UUID (the first of a block) is followed by the 16 bytes of a UUID.
 *
 * t_checksum is the crc32c, continued from the journal's seed, over h_sequence (32 bits, big-endian) and the copy as it
 * is in the journal, that is after escaping; v2 keeps the lower 16 bits of it.
 *
 * Kernel documentation: Documentation/filesystems/ext4/journal.rst, "Descriptor Block".
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c } from "./crc32c.ts";
import {
  JOURNAL_HEADER_BYTES,
  JournalBlockType,
  type JournalFormat,
  journalTailBytes,
  setJournalTail,
  verifyJournalTail,
  writeJournalHeader,
} from "./journal.ts";

const UUID_BYTES = 16;

/** Bits of t_flags. */
export const TagFlag = {
  /** The copy's first four bytes were the magic, and are zero in the journal. */
  ESCAPE: 1,
  SAME_UUID: 2,
  DELETED: 4,
  LAST_TAG: 8,
} as const;

/** What a descriptor says of one copied block. */
export interface JournalTag {
  /** Where the block belongs. */
  diskBlock: number;
  escaped: boolean;
  /** 32 bits with checksums v3, 16 with v2, 0 without. */
  checksum: number;
}

/** Bytes of a tag, without UUID. */
export function tagBytes(format: JournalFormat): number {
  if (format.checksums === 3) return 16;
  return (format.is64bit ? 12 : 8) + (format.checksums === 2 ? 2 : 0);
}

/** Tags that fit in a descriptor block. */
export function descriptorCapacity(format: JournalFormat): number {
  const room = format.blockBytes - JOURNAL_HEADER_BYTES - UUID_BYTES - journalTailBytes(format);
  return Math.floor(room / tagBytes(format));
}

const sequenceBytes = new Uint8Array(4);
const sequenceView = new DataView(sequenceBytes.buffer);

/** The t_checksum of a copy as it is in the journal; 0 without checksums v2 or v3. */
export function tagChecksum(format: JournalFormat, sequence: number, copy: Uint8Array): number {
  if (format.checksums === 0) return 0;
  sequenceView.setUint32(0, sequence);
  const crc = crc32c(crc32c(format.seed, sequenceBytes), copy);
  return format.checksums === 3 ? crc : crc & 0xffff;
}

function writeTag(
  view: DataView,
  at: number,
  format: JournalFormat,
  tag: JournalTag,
  flags: number,
) {
  const high = Math.floor(tag.diskBlock / 0x1_0000_0000);
  view.setUint32(at, tag.diskBlock);
  if (format.checksums === 3) {
    view.setUint32(at + 4, flags);
    view.setUint32(at + 8, high);
    view.setUint32(at + 12, tag.checksum);
    return;
  }
  view.setUint16(at + 4, tag.checksum);
  view.setUint16(at + 6, flags);
  if (format.is64bit) view.setUint32(at + 8, high);
}

/**
 * Encodes a descriptor block that fills `bytes`, with as many of `tags` from index `from` on as fit.
 *
 * @param uuid the journal's s_uuid, 16 bytes.
 * @returns the index of the first tag that did not fit.
 */
export function encodeDescriptor(
  bytes: Uint8Array,
  view: DataView,
  format: JournalFormat,
  sequence: number,
  uuid: Uint8Array,
  tags: readonly JournalTag[],
  from: number,
): number {
  bytes.fill(0);
  writeJournalHeader(view, JournalBlockType.DESCRIPTOR, sequence);
  const chosen = tags.slice(from, from + descriptorCapacity(format));
  let at = JOURNAL_HEADER_BYTES;
  chosen.forEach((tag, index) => {
    let flags = tag.escaped ? TagFlag.ESCAPE : 0;
    if (index > 0) flags |= TagFlag.SAME_UUID;
    if (index === chosen.length - 1) flags |= TagFlag.LAST_TAG;
    writeTag(view, at, format, tag, flags);
    at += tagBytes(format);
    if (index === 0) {
      bytes.set(uuid, at);
      at += UUID_BYTES;
    }
  });
  setJournalTail(bytes, view, format);
  return from + chosen.length;
}

/**
 * Decodes a descriptor block (whose type is already known).
 *
 * Without checksums the block may be torn, and its numbers be anything, if no commit block follows: that they are in
 * range is checked when one does.
 *
 * @param journalBlock where it is in the journal, for the error.
 * @returns its tags, in the order of the copies that follow.
 * @throws {Corrupt} "journal descriptor block".
 */
export function decodeDescriptor(
  bytes: Uint8Array,
  view: DataView,
  format: JournalFormat,
  journalBlock: number,
): JournalTag[] {
  const corrupt = (field: string) =>
    new Corrupt("journal descriptor block", `journal block ${journalBlock}`, field);
  if (!verifyJournalTail(bytes, view, format)) throw corrupt("t_checksum");
  const width = tagBytes(format);
  const end = bytes.length - journalTailBytes(format);
  const v3 = format.checksums === 3;
  const tags: JournalTag[] = [];
  let at = JOURNAL_HEADER_BYTES;
  while (at + width <= end) {
    const flags = v3 ? view.getUint32(at + 4) : view.getUint16(at + 6);
    const high = format.is64bit ? view.getUint32(at + 8) : 0;
    const diskBlock = high * 0x1_0000_0000 + view.getUint32(at);
    const checksum = v3
      ? view.getUint32(at + 12)
      : format.checksums === 2
      ? view.getUint16(at + 4)
      : 0;
    tags.push({ diskBlock, escaped: (flags & TagFlag.ESCAPE) !== 0, checksum });
    at += width;
    if ((flags & TagFlag.SAME_UUID) === 0) at += UUID_BYTES;
    if ((flags & TagFlag.LAST_TAG) !== 0) break;
  }
  return tags;
}
