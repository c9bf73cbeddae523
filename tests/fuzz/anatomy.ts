/**
 * Finds every structure of a base image.
 *
 * @module
 */

import { InodeFlag, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../fs/layout/inode.ts";
import { Compat, Incompat } from "../../fs/layout/features.ts";
import { decodeGroupDescriptor, type GroupDescriptor } from "../../fs/layout/group_desc.ts";
import {
  decodeSuperblock,
  groupHasSuperblock,
  type Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../../fs/layout/superblock.ts";
import { Geometry } from "../../fs/volume/geometry.ts";
import {
  descriptorFields,
  direntFields,
  extentFields,
  htreeFields,
  inodeFields,
  quotaFields,
  SUPERBLOCK_FIELDS,
  xattrBlockFields,
} from "./fields.ts";
import { type InodeBlocks, inodeBlocks } from "./inode_blocks.ts";
import { journalStructures } from "./journal_anatomy.ts";
import { OverlayDevice } from "./overlay_device.ts";
import { Seals } from "./seals.ts";
import { type Field, type Kind, row, type Structure } from "./structure.ts";

/** Free inodes that are listed too. */
const FREE_INODES = 3;

/** A base image and what is in it. */
export class Anatomy {
  readonly geometry: Geometry;
  readonly superblock: Superblock;
  readonly structures: Structure[] = [];
  readonly kinds: readonly Kind[];
  /** Block and inode numbers that are worth pointing to. */
  readonly blocks: number[] = [];
  readonly inodes: number[] = [];
  readonly #view: DataView;
  readonly #seals: Seals;

  constructor(readonly base: Uint8Array) {
    const end = SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES;
    this.superblock = decodeSuperblock(base.subarray(SUPERBLOCK_OFFSET, end));
    this.geometry = new Geometry(this.superblock);
    this.#view = new DataView(base.buffer, base.byteOffset, base.length);
    this.#seals = new Seals(new OverlayDevice(base), this.geometry);
    this.#superblocks();
    for (let group = 0; group < this.geometry.groupCount; group++) this.#group(group);
    if (this.superblock.hasIncompat(Incompat.MMP)) this.#mmp();
    this.kinds = [...new Set(this.structures.map(({ kind }) => kind))].sort();
  }

  ofKind(kind: Kind): readonly Structure[] {
    return this.structures.filter((structure) => structure.kind === kind);
  }

  #add(
    kind: Kind,
    name: string,
    offsetBytes: number,
    lengthBytes: number,
    fields: readonly Field[],
    seal?: (seals: Seals) => void,
  ): void {
    const sealing = seal === undefined ? {} : { seal };
    this.structures.push({ kind, name, offsetBytes, lengthBytes, fields, ...sealing });
  }

  #addBlock(
    kind: Kind,
    diskBlock: number,
    name: string,
    fields: readonly Field[],
    seal?: (
      seals: Seals,
    ) => void,
  ): void {
    const { blockBytes } = this.geometry;
    const where = `${name} (block ${diskBlock})`;
    this.#add(kind, where, diskBlock * blockBytes, blockBytes, fields, seal);
    this.blocks.push(diskBlock);
  }

  #blockView = (diskBlock: number): DataView => {
    const { blockBytes } = this.geometry;
    return this.#slice(diskBlock * blockBytes, blockBytes);
  };

  #slice(offsetBytes: number, lengthBytes: number): DataView {
    return new DataView(this.#view.buffer, this.#view.byteOffset + offsetBytes, lengthBytes);
  }

  #superblocks(): void {
    const { geometry, superblock } = this;
    this.#add(
      "superblock",
      "primary",
      SUPERBLOCK_OFFSET,
      SUPERBLOCK_BYTES,
      SUPERBLOCK_FIELDS,
      (seals) => seals.superblock(SUPERBLOCK_OFFSET),
    );
    for (let group = 1; group < geometry.groupCount; group++) {
      if (!groupHasSuperblock(superblock, group)) continue;
      const offset = geometry.groupFirstBlock(group) * geometry.blockBytes;
      this.#add("backup", `superblock of group ${group}`, offset, 1024, SUPERBLOCK_FIELDS);
    }
  }

  #group(group: number): void {
    const { geometry } = this;
    const { descriptorBytes, blockBytes } = geometry;
    const offset = this.#seals.descriptorOffset(group);
    this.#add(
      "group descriptor",
      `group ${group}`,
      offset,
      descriptorBytes,
      descriptorFields(descriptorBytes),
      (seals) => seals.descriptor(group),
    );
    const descriptor = decodeGroupDescriptor(this.#view, offset, descriptorBytes);
    this.blocks.push(offset / blockBytes | 0, descriptor.inodeTable);
    const covered = Math.floor(geometry.clustersPerGroup / 8);
    this.#addBlock(
      "block bitmap",
      descriptor.blockBitmap,
      `group ${group}`,
      [],
      (seals) => seals.bitmap(group, descriptor.blockBitmap, covered, 0x18),
    );
    const inodesCovered = Math.floor(geometry.inodesPerGroup / 8);
    this.#addBlock(
      "inode bitmap",
      descriptor.inodeBitmap,
      `group ${group}`,
      [],
      (seals) => seals.bitmap(group, descriptor.inodeBitmap, inodesCovered, 0x1a),
    );
    this.#inodeTable(group, descriptor);
  }

  #inodeTable(group: number, descriptor: GroupDescriptor): void {
    const { inodesPerGroup, inodeBytes, blockBytes } = this.geometry;
    const used = inodesPerGroup - descriptor.unusedInodes;
    let free = 0;
    for (let index = 0; index < used; index++) {
      const ino = group * inodesPerGroup + index + 1;
      const offset = descriptor.inodeTable * blockBytes + index * inodeBytes;
      const view = this.#slice(offset, inodeBytes);
      const blank = view.getUint16(0, true) === 0;
      if (blank && (ino < this.superblock.firstInode || ++free > FREE_INODES)) continue;
      this.#inode(ino, offset, view, blank);
    }
  }

  #inode(ino: number, offset: number, view: DataView, blank: boolean): void {
    const reserved = ino < this.superblock.firstInode && ino !== 2;
    const kind = blank ? "free inode" : reserved ? "reserved inode" : "inode";
    const { inodeBytes, blocksCount } = this.geometry;
    this.#add(
      kind,
      `inode ${ino}`,
      offset,
      inodeBytes,
      inodeFields(view),
      (seals) => seals.inode(ino, offset),
    );
    if (blank) return;
    this.inodes.push(ino);
    const acl = view.getUint32(0x68, true);
    if (acl !== 0 && !this.blocks.includes(acl)) {
      const fields = xattrBlockFields(this.#blockView(acl));
      this.#addBlock("xattr block", acl, `inode ${ino}`, fields, (s) => s.xattrBlock(acl));
    }
    const type = view.getUint16(0, true) & S_IFMT;
    const fast = type === S_IFLNK && view.getUint32(0x4, true) < 60;
    const mapped = type === S_IFDIR || type === S_IFREG || (type === S_IFLNK && !fast) || reserved;
    if (!mapped || ino === 7) return;
    const blocks = inodeBlocks(view, this.#blockView);
    this.#mapBlocks(ino, offset, blocks);
    this.#content(ino, offset, view, blocks);
    const [first] = blocks.data.values();
    if (first !== undefined && first < blocksCount) this.blocks.push(first);
  }

  #mapBlocks(ino: number, offset: number, blocks: InodeBlocks): void {
    for (const node of blocks.extentNodes) {
      const fields = extentFields(this.#blockView(node));
      this.#addBlock(
        "extent node",
        node,
        `inode ${ino}`,
        fields,
        (seals) => seals.extentNode(node, ino, offset),
      );
    }
    for (const block of blocks.indirect) {
      const fields = row("pointer+", 0, 4, Math.min(64, this.geometry.blockBytes / 4));
      this.#addBlock("indirect block", block, `inode ${ino}`, fields);
    }
  }

  /** What the blocks of special inodes, directories and symbolic links hold. */
  #content(ino: number, offset: number, inode: DataView, { data }: InodeBlocks): void {
    const { superblock } = this;
    const type = inode.getUint16(0, true) & S_IFMT;
    const quota = [superblock.userQuotaInode, superblock.groupQuotaInode];
    if (ino === superblock.journalInode) {
      this.structures.push(...journalStructures(data, this.geometry, this.#blockView));
    } else if (superblock.hasCompat(Compat.ORPHAN_FILE) && ino === superblock.orphanFileInode) {
      for (const block of data.values()) {
        const fields = [
          ...row("slot+", 0, 4, 20),
          ...row("tail+", this.geometry.blockBytes - 8, 4, 2),
        ];
        this.#addBlock(
          "orphan file block",
          block,
          "",
          fields,
          (seals) => seals.orphanBlock(block, ino, offset),
        );
      }
    } else if (quota.includes(ino) || ino === superblock.projectQuotaInode) {
      for (const [fileBlock, block] of data) {
        const fields = quotaFields(this.#blockView(block), fileBlock);
        this.#addBlock("quota block", block, `inode ${ino}, block ${fileBlock}`, fields);
      }
    } else if (type === S_IFDIR) this.#directory(ino, offset, inode, data);
    else if (type === S_IFLNK) {
      for (const block of data.values()) this.#addBlock("link target", block, `inode ${ino}`, []);
    }
  }

  #directory(ino: number, offset: number, inode: DataView, data: Map<number, number>): void {
    const indexed = (inode.getUint32(0x20, true) & InodeFlag.INDEX) !== 0;
    for (const [fileBlock, block] of data) {
      const view = this.#blockView(block);
      const name = `directory ${ino}, block ${fileBlock}`;
      const blank = view.getUint32(0, true) === 0 &&
        view.getUint16(4, true) % this.geometry.blockBytes === 0;
      if (!indexed || (fileBlock !== 0 && !blank)) {
        this.#addBlock(
          "directory block",
          block,
          name,
          direntFields(view),
          (seals) => seals.directoryBlock(block, ino, offset),
        );
        continue;
      }
      const entries = fileBlock === 0 ? 0x20 : 0x8;
      const kind = fileBlock === 0 ? "htree root" : "htree node";
      this.#addBlock(
        kind,
        block,
        name,
        htreeFields(view, entries),
        (seals) => seals.htreeBlock(block, entries, ino, offset),
      );
    }
  }

  #mmp(): void {
    const block = this.superblock.mmpBlock;
    const fields = [...row("mmp+", 0, 4, 4), ...row("mmp+", 0x70, 2, 1)];
    this.#addBlock("mmp block", block, "", fields, (seals) => seals.mmpBlock(block));
  }
}
