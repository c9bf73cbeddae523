/** The structures in a journal: its superblock, and the blocks of the transactions that wait. @module */

import { JournalBlockType, journalBlockType, type JournalFormat } from "../../fs/layout/journal.ts";
import { tagBytes } from "../../fs/layout/journal_descriptor.ts";
import { JOURNAL_SUPERBLOCK_BYTES, JournalSuperblock } from "../../fs/layout/journal_superblock.ts";
import type { Geometry } from "../../fs/volume/geometry.ts";
import type { Seals } from "./seals.ts";
import { row, type Structure } from "./structure.ts";

const SUPERBLOCK_FIELDS = [
  ...row("s+", 0, 4, 16),
  ...row("s+", 0x40, 4, 8),
  ...row("s+", 0xfc, 4, 1),
];

/** Structures of the journal whose blocks are `data`, by journal block. */
export function journalStructures(
  data: ReadonlyMap<number, number>,
  geometry: Geometry,
  block: (diskBlock: number) => DataView,
): Structure[] {
  const first = data.get(0) ?? 0;
  const found: Structure[] = [{
    kind: "journal superblock",
    name: `block ${first}`,
    offsetBytes: first * geometry.blockBytes,
    lengthBytes: JOURNAL_SUPERBLOCK_BYTES,
    bigEndian: true,
    fields: SUPERBLOCK_FIELDS,
    seal: (seals) => seals.journalSuperblock(first),
  }];
  const view = block(first);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, JOURNAL_SUPERBLOCK_BYTES);
  const superblock = new JournalSuperblock(bytes.slice());
  let at = superblock.startBlock;
  if (at === 0) return found;
  for (let left = 400; left > 0; left--) {
    const type = journalBlockType(block(data.get(at) ?? 0));
    if (type === 0) break;
    at = addBlock(found, at, type, superblock.format(), data, geometry, block);
  }
  return found;
}

/** Adds the structure at journal block `at`, with the copies behind it; returns the next block. */
function addBlock(
  found: Structure[],
  at: number,
  type: number,
  format: JournalFormat,
  data: ReadonlyMap<number, number>,
  geometry: Geometry,
  block: (diskBlock: number) => DataView,
): number {
  const diskBlock = data.get(at) ?? 0;
  const { blockBytes } = geometry;
  const seal = type === JournalBlockType.COMMIT
    ? (seals: Seals) => seals.journalCommit(diskBlock, format)
    : (seals: Seals) => seals.journalTail(diskBlock, format);
  found.push({
    kind: "journal block",
    name: `journal block ${at}, type ${type}`,
    offsetBytes: diskBlock * blockBytes,
    lengthBytes: blockBytes,
    bigEndian: true,
    fields: [...row("h+", 0, 4, 4), ...row("word+", 12, 2, 100)],
    seal,
  });
  if (type !== JournalBlockType.DESCRIPTOR) return at + 1;
  const tags = tagOffsets(block(diskBlock), format);
  tags.forEach((tag, index) => {
    const copy = data.get(at + 1 + index) ?? 0;
    found.push({
      kind: "journal copy",
      name: `journal block ${at + 1 + index}`,
      offsetBytes: copy * blockBytes,
      lengthBytes: blockBytes,
      fields: row("word+", 0, 4, 40),
      seal: (seals) => seals.journalCopy(copy, diskBlock, tag, format),
    });
  });
  return at + 1 + tags.length;
}

/** Byte offsets of the tags in a descriptor block. */
function tagOffsets(view: DataView, format: JournalFormat): number[] {
  const offsets: number[] = [];
  const width = tagBytes(format);
  for (let at = 12; at + width <= view.byteLength;) {
    offsets.push(at);
    const flags = format.checksums === 3 ? view.getUint32(at + 4) : view.getUint16(at + 6);
    at += width + ((flags & 2) === 0 ? 16 : 0);
    if ((flags & 8) !== 0) break;
  }
  return offsets;
}
