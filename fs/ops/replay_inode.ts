/** An inode as a fast commit records it: everything but the map of its blocks. @module */

import { EROFS } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  EXTRA_OFFSET,
  I_BLOCK_BYTES,
  I_BLOCK_OFFSET,
  InodeFlag,
  InodeRecord,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../layout/inode.ts";
import { initialiseMap } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";

/** Where the fields behind i_block begin: i_generation. */
const AFTER_MAP = I_BLOCK_OFFSET + I_BLOCK_BYTES;
const TYPES = [S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK];

/** The fields of a recorded inode. @throws Corrupt when they cannot be one's in use. */
export function decodeRecorded(inode: Inode, bytes: Uint8Array, isNew: boolean): InodeRecord {
  const merged = new Uint8Array(inode.raw.length);
  if (!isNew) inode.encode(merged, 0);
  merged.set(bytes.subarray(0, I_BLOCK_OFFSET));
  merged.set(bytes.subarray(AFTER_MAP), AFTER_MAP);
  const view = new DataView(merged.buffer);
  const mode = view.getUint16(0, true);
  const flags = view.getUint32(0x20, true);
  if (holdsContent({ mode, flags, size: view.getUint32(4, true) })) {
    merged.set(bytes.subarray(I_BLOCK_OFFSET, AFTER_MAP), I_BLOCK_OFFSET);
  }
  const record = new InodeRecord(inode.ino, { ...inode.format, checksumSeed: undefined });
  record.decode(merged, 0);
  const bad = (field: string): Corrupt =>
    new Corrupt("fast commit", `inode ${inode.ino}`, `${field} in its record`);
  if (!TYPES.includes(mode & S_IFMT)) throw bad(`i_mode 0${mode.toString(8)}`);
  if (!isNew && (mode & S_IFMT) !== (inode.mode & S_IFMT)) throw bad("another type");
  if (bytes.length > EXTRA_OFFSET && bytes.length < EXTRA_OFFSET + record.extraBytes) {
    throw bad(`i_extra_isize ${record.extraBytes}`);
  }
  return record;
}

/** What i_block is the content of. */
interface Described {
  readonly mode: number;
  readonly flags: number;
  readonly size: number;
}

/** Whether i_block holds content of its own, not a map. */
function holdsContent({ mode, flags, size }: Described): boolean {
  if ((flags & InodeFlag.INLINE_DATA) !== 0) return true;
  if ((flags & InodeFlag.EXTENTS) !== 0) return false;
  const type = mode & S_IFMT;
  if (type === S_IFLNK) return size < I_BLOCK_BYTES;
  return type !== S_IFREG && type !== S_IFDIR;
}

function hasSameMap(one: Described, other: Described): boolean {
  if (holdsContent(one) || holdsContent(other)) return false;
  return ((one.flags ^ other.flags) & InodeFlag.EXTENTS) === 0;
}

/**
 * Lets the inode become what was recorded. Its map and what goes with it (i_blocks, i_file_acl), and its place on the
 * orphan list stay.
 * @throws Unsupported for an attribute block, which no fast commit can bring.
 */
export function adoptRecorded(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  record: InodeRecord,
  isNew: boolean,
): void {
  const { sectors, fileAcl, dtime } = inode;
  if (record.fileAcl !== fileAcl) {
    const text = `a fast commit gives inode ${inode.ino} another attribute block: run e2fsck`;
    throw new Unsupported(EROFS, text);
  }
  const map = inode.raw.slice(I_BLOCK_OFFSET, AFTER_MAP);
  const keepsMap = !isNew && hasSameMap(inode, record);
  if (!isNew && !keepsMap && !holdsContent(inode) && sectors > 0) {
    const text = "i_flags in its record: another kind of map";
    throw new Corrupt("fast commit", `inode ${inode.ino}`, text);
  }
  inode.raw.set(record.raw);
  copyFields(inode, record);
  inode.sectors = sectors;
  inode.fileAcl = fileAcl;
  inode.dtime = isNew ? 0 : dtime;
  inode.updateChecksumSeed();
  if (keepsMap) inode.raw.set(map, I_BLOCK_OFFSET);
  else if (!holdsContent(record)) {
    initialiseMap(inode, inode.has(InodeFlag.EXTENTS));
  }
  inode.forgetMapping();
  engine.dirty(handle, inode);
}

function copyFields(inode: Inode, record: InodeRecord): void {
  inode.mode = record.mode;
  inode.uid = record.uid;
  inode.gid = record.gid;
  inode.size = record.size;
  inode.links = record.links;
  inode.flags = record.flags;
  inode.generation = record.generation;
  inode.version = record.version;
  inode.projectId = record.projectId;
  inode.extraBytes = record.extraBytes;
  inode.atime = record.atime;
  inode.atimeNsec = record.atimeNsec;
  inode.mtime = record.mtime;
  inode.mtimeNsec = record.mtimeNsec;
  inode.ctime = record.ctime;
  inode.ctimeNsec = record.ctimeNsec;
  inode.crtime = record.crtime;
  inode.crtimeNsec = record.crtimeNsec;
}
