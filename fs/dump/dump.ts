/**
 * Everything that superblock, descriptors, bitmaps and journal superblock say, as dumpe2fs tells it. Nothing is replayed.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { EditedBlocks } from "../edit/blocks.ts";
import { readFileMap } from "../edit/file_map.ts";
import { Groups } from "../edit/groups.ts";
import { EINVAL } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { type InodeFormat, InodeRecord, S_IFREG } from "../layout/inode.ts";
import { JournalIncompat } from "../layout/journal.ts";
import { decodeJournalSuperblock } from "../layout/journal_superblock.ts";
import { decodeMmp } from "../layout/mmp.ts";
import {
  BAD_BLOCKS_INODE,
  decodeSuperblock,
  type Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import { dumpGroup, type GroupDump, type Range } from "./groups.ts";
import { type DumpField, headerFields } from "./header.ts";
import { ctime } from "./words.ts";

export type { DumpField, GroupDump, Range };

/** Which superblock is looked at. */
export interface DumpOptions {
  /** Disk block of the superblock, and the size of a block in bytes; both or none. */
  readonly superblock?: number;
  readonly blockBytes?: number;
  /** Leave the groups out. */
  readonly headerOnly?: boolean;
}

/** What there is to say of a file system. */
export interface FileSystemDump {
  readonly header: readonly DumpField[];
  /** Empty without a journal inside, or when it cannot be read. */
  readonly journal: readonly DumpField[];
  /** Of multiple mount protection; empty without. */
  readonly mmp: readonly DumpField[];
  /** Empty with `headerOnly`. */
  readonly groups: readonly GroupDump[];
}

const JOURNAL_FEATURES: readonly (readonly [number, string])[] = [
  [JournalIncompat.REVOKE, "journal_incompat_revoke"],
  [JournalIncompat.BIT64, "journal_64bit"],
  [JournalIncompat.ASYNC_COMMIT, "journal_async_commit"],
  [JournalIncompat.CSUM_V2, "journal_checksum_v2"],
  [JournalIncompat.CSUM_V3, "journal_checksum_v3"],
  [JournalIncompat.FAST_COMMIT, "journal_fast_commit"],
];
const MANY_KILOBYTES = 8192;

/** Describes a file system, as it lies on the device. @throws Corrupt without a superblock; DeviceError */
export function dump(device: BlockDevice, options: DumpOptions = {}): FileSystemDump {
  const looker = new Looker(device, options);
  const { groups, superblock } = looker;
  return {
    header: headerFields(superblock, groups.geometry),
    journal: looker.journal(),
    mmp: looker.mmp(),
    groups: options.headerOnly === true
      ? []
      : groups.descriptors.map((_, group) => dumpGroup(groups, group)),
  };
}

/** The ranges of blocks that are on the list of bad ones. @throws Corrupt, DeviceError */
export function badBlocks(device: BlockDevice, options: DumpOptions = {}): readonly Range[] {
  const looker = new Looker(device, options);
  const inode = looker.inode(BAD_BLOCKS_INODE);
  // The list is a map without a type.
  inode.mode = S_IFREG;
  const { runs } = readFileMap(inode, looker.blocks, looker.groups.geometry);
  return runs.map((run) => [run.diskBlock, run.diskBlock + run.blocks - 1] as const)
    .sort((a, b) => a[0] - b[0]);
}

class Looker {
  readonly superblock: Superblock;
  readonly blocks: EditedBlocks;
  readonly groups: Groups;

  constructor(device: BlockDevice, options: DumpOptions) {
    this.superblock = readChosen(device, options);
    this.blocks = new EditedBlocks(device, this.superblock.blockBytes);
    this.groups = new Groups(this.superblock, this.blocks, true);
  }

  inode(ino: number): InodeRecord {
    const { geometry } = this.groups;
    const { superblock } = this;
    const format: InodeFormat = {
      inodeBytes: geometry.inodeBytes,
      blockBytes: geometry.blockBytes,
      checksumSeed: superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined,
      hugeFile: superblock.hasRoCompat(RoCompat.HUGE_FILE),
    };
    const group = geometry.groupOfInode(ino);
    if (group >= geometry.groupCount) throw new Corrupt("inode", `inode ${ino}`, "number");
    const index = (ino - 1) % geometry.inodesPerGroup;
    const { inodeTable } = this.groups.get(group);
    if (!geometry.blocksInRange(inodeTable, geometry.inodeTableBlocks)) {
      throw new Corrupt("group descriptor", `group ${group}`, "bg_inode_table");
    }
    const inode = new InodeRecord(ino, format);
    const block = this.blocks.read(inodeTable + Math.floor(index / geometry.inodesPerBlock));
    inode.decode(block, (index % geometry.inodesPerBlock) * geometry.inodeBytes);
    return inode;
  }

  journal(): DumpField[] {
    const { superblock } = this;
    if (!superblock.hasCompat(Compat.HAS_JOURNAL) || superblock.journalInode === 0) return [];
    try {
      return this.#journalFields();
    } catch (error) {
      if (error instanceof Corrupt) return [{ name: "Journal", value: error.message }];
      throw error;
    }
  }

  #journalFields(): DumpField[] {
    const inode = this.inode(this.superblock.journalInode);
    const { blockBytes } = this.superblock;
    const [first] = readFileMap(inode, this.blocks, this.groups.geometry).runs;
    if (first === undefined) throw new Corrupt("journal", "journal block 0", "is a hole");
    const available = Math.floor(inode.size / blockBytes);
    const journal = decodeJournalSuperblock(
      this.blocks.read(first.diskBlock),
      blockBytes,
      available,
    );
    const names = JOURNAL_FEATURES.filter(([bit]) => (journal.featureIncompat & bit) !== 0)
      .map(([, name]) => name);
    const kilobytes = Math.floor(inode.size / 1024);
    const sequence = journal.sequence;
    const fields: DumpField[] = [
      { name: "Journal features", value: names, text: names.join(" ") || "(none)" },
      {
        name: "Total journal size",
        value: inode.size,
        text: kilobytes < MANY_KILOBYTES ? `${kilobytes}k` : `${Math.floor(kilobytes / 1024)}M`,
      },
      { name: "Total journal blocks", value: journal.totalBlocks },
      { name: "Max transaction length", value: journal.totalBlocks - journal.fastCommitBlocks },
      { name: "Fast commit length", value: journal.fastCommitBlocks },
      {
        name: "Journal sequence",
        value: sequence,
        text: `0x${sequence.toString(16).padStart(8, "0")}`,
      },
      { name: "Journal start", value: journal.startBlock },
    ];
    if (journal.checksums !== 0) {
      const checksum = journal.view.getUint32(0xfc);
      fields.push({ name: "Journal checksum type", value: "crc32c" });
      fields.push({
        name: "Journal checksum",
        value: checksum,
        text: `0x${checksum.toString(16).padStart(8, "0")}`,
      });
    }
    if (journal.error !== 0) fields.push({ name: "Journal errno", value: journal.error });
    return fields;
  }

  mmp(): DumpField[] {
    const { superblock } = this;
    if (!superblock.hasIncompat(Incompat.MMP)) return [];
    const block = superblock.mmpBlock;
    if (!this.groups.geometry.blocksInRange(block, 1)) return [];
    try {
      const mmp = decodeMmp(this.blocks.read(block), block, undefined);
      return [
        { name: "mmp_check_interval", value: mmp.checkInterval },
        { name: "mmp_sequence", value: mmp.sequence, text: `0x${mmp.sequence.toString(16)}` },
        { name: "mmp_update_date", value: ctime(mmp.time) },
        { name: "mmp_update_time", value: mmp.time },
        { name: "mmp_node_name", value: mmp.nodeName },
        { name: "mmp_device_name", value: mmp.deviceName },
      ];
    } catch (error) {
      if (error instanceof Corrupt) return [{ name: "mmp", value: error.message }];
      throw error;
    }
  }
}

function readChosen(device: BlockDevice, { superblock, blockBytes }: DumpOptions): Superblock {
  if ((superblock === undefined) !== (blockBytes === undefined)) {
    throw new Unsupported(EINVAL, "the place of a superblock is a block and a block size");
  }
  const offset = superblock === undefined || blockBytes === undefined
    ? SUPERBLOCK_OFFSET
    : superblock * blockBytes + (superblock === 0 ? SUPERBLOCK_OFFSET : 0);
  const place = `offset ${offset}`;
  if (offset + SUPERBLOCK_BYTES > device.sizeBytes) {
    throw new Corrupt("superblock", place, `the device has only ${device.sizeBytes} bytes`);
  }
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(bytes, offset);
  const found = decodeSuperblock(bytes, place);
  if (found.blocksCount * found.blockBytes > device.sizeBytes) {
    throw new Corrupt("superblock", place, "s_blocks_count exceeds the device");
  }
  return found;
}
