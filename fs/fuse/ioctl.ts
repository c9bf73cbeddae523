/**
 * The ioctls of a mounted file system (kernel: include/uapi/linux/fs.h).
 *
 * @module
 */

import { EINVAL, ENOTTY, EOVERFLOW, EPERM } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Engine } from "../ops/engine.ts";
import { setFlags, setProject, visibleFlags } from "../ops/inode_flags.ts";
import { setLabel } from "../ops/label.ts";
import { trim } from "../ops/trim.ts";
import { measureVerity } from "../ops/verity.ts";

/** One ioctl: reads `input`, fills `output`, returns the length of the answer or a negated errno. */
type Ioctl = (
  engine: Engine,
  ino: number,
  privileged: boolean,
  input: DataView,
  output: DataView,
) => number;

/** FS_XFLAG_* and the inode flags that they stand for. */
const XFLAGS: readonly (readonly [number, number])[] = [
  [0x8, InodeFlag.IMMUTABLE],
  [0x10, InodeFlag.APPEND],
  [0x20, InodeFlag.SYNC],
  [0x40, InodeFlag.NOATIME],
  [0x80, InodeFlag.NODUMP],
  [0x200, InodeFlag.PROJINHERIT],
  [0x8000, InodeFlag.DAX],
];
/** Bytes of struct fsxattr: xflags, extsize, nextents, projid, cowextsize, padding. */
const FSXATTR_BYTES = 28;
const LABEL_BYTES = 256;

const IOCTLS: ReadonlyMap<number, Ioctl> = new Map([
  [0x80086601, getFlags],
  [0x40086602, changeFlags],
  [0x801c581f, getExtended],
  [0x401c5820, changeExtended],
  [0x80087601, getVersion],
  [0xc0185879, fitrim],
  [0x81009431, getLabel],
  [0x41009432, changeLabel],
  [0x80111500, getUuid],
  [0xc0046686, measure],
]);

/** Whether the command changes what the kernel may keep of a node: change time and attribute bits. */
export function changesAttributes(command: number): boolean {
  const action = IOCTLS.get(command >>> 0);
  return action === changeFlags || action === changeExtended;
}

/** Does the ioctl `command`. @returns the length of the answer in `output`, or a negated errno (ENOTTY: unknown). */
export function ioctl(
  engine: Engine,
  ino: number,
  command: number,
  privileged: boolean,
  input: Uint8Array,
  output: Uint8Array,
): number {
  const action = IOCTLS.get(command >>> 0);
  if (action === undefined) return -ENOTTY;
  const view = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return action(engine, ino, privileged, view(input), view(output));
}

/** FS_IOC_GETFLAGS. The kernel hands on 4 bytes, whatever the command's number says. */
function getFlags(engine: Engine, ino: number, _p: boolean, _in: DataView, out: DataView): number {
  if (out.byteLength < 4) return -EINVAL;
  out.setUint32(0, visibleFlags(engine.inode(ino)), true);
  return 4;
}

/** FS_IOC_SETFLAGS. */
function changeFlags(engine: Engine, ino: number, privileged: boolean, input: DataView): number {
  if (input.byteLength < 4) return -EINVAL;
  return setFlags(engine, ino, input.getUint32(0, true), privileged);
}

/** FS_IOC_FSGETXATTR. */
function getExtended(
  engine: Engine,
  ino: number,
  _p: boolean,
  _i: DataView,
  out: DataView,
): number {
  if (out.byteLength < FSXATTR_BYTES) return -EINVAL;
  const inode = engine.inode(ino);
  let xflags = 0;
  for (const [xflag, flag] of XFLAGS) if (inode.has(flag)) xflags |= xflag;
  for (let offset = 0; offset < FSXATTR_BYTES; offset += 4) out.setUint32(offset, 0, true);
  out.setUint32(0, xflags, true);
  out.setUint32(12, inode.projectId, true);
  return FSXATTR_BYTES;
}

/** FS_IOC_FSSETXATTR. */
function changeExtended(engine: Engine, ino: number, privileged: boolean, input: DataView): number {
  if (input.byteLength < FSXATTR_BYTES) return -EINVAL;
  const inode = engine.inode(ino);
  const xflags = input.getUint32(0, true);
  let flags = visibleFlags(inode);
  for (const [xflag, flag] of XFLAGS) {
    flags = (xflags & xflag) !== 0 ? flags | flag : flags & ~flag;
  }
  const changed = setFlags(engine, ino, flags >>> 0, privileged);
  return changed < 0 ? changed : setProject(engine, ino, input.getUint32(12, true));
}

/** FS_IOC_GETVERSION: the inode's generation. */
function getVersion(engine: Engine, ino: number, _p: boolean, _i: DataView, out: DataView): number {
  if (out.byteLength < 8) return -EINVAL;
  out.setUint32(0, engine.inode(ino).generation, true);
  out.setUint32(4, 0, true);
  return 8;
}

/** FITRIM: struct fstrim_range {start, len, minlen}, len becomes the bytes trimmed. */
function fitrim(
  engine: Engine,
  _ino: number,
  privileged: boolean,
  input: DataView,
  output: DataView,
): number {
  if (!privileged) return -EPERM;
  if (input.byteLength < 24 || output.byteLength < 24) return -EINVAL;
  const field = (offset: number): number =>
    input.getUint32(offset, true) + input.getUint32(offset + 4, true) * 0x100000000;
  const trimmed = trim(engine, field(0), field(8), field(16));
  if (trimmed < 0) return trimmed;
  for (let offset = 0; offset < 24; offset++) output.setUint8(offset, input.getUint8(offset));
  output.setUint32(8, trimmed >>> 0, true);
  output.setUint32(12, Math.floor(trimmed / 0x100000000), true);
  return 24;
}

/** FS_IOC_GETFSLABEL. */
function getLabel(engine: Engine, _ino: number, _p: boolean, _i: DataView, out: DataView): number {
  if (out.byteLength < LABEL_BYTES) return -EINVAL;
  const bytes = new Uint8Array(out.buffer, out.byteOffset, LABEL_BYTES).fill(0);
  bytes.set(engine.volume.superblock.bytes.subarray(0x78, 0x88));
  return LABEL_BYTES;
}

/** FS_IOC_SETFSLABEL. */
function changeLabel(engine: Engine, _ino: number, privileged: boolean, input: DataView): number {
  if (!privileged) return -EPERM;
  const bytes = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  const end = bytes.indexOf(0);
  return setLabel(engine, end < 0 ? bytes : bytes.subarray(0, end));
}

/** FS_IOC_GETFSUUID: struct fsuuid2 {len, uuid[16]}. */
function getUuid(engine: Engine, _ino: number, _p: boolean, _i: DataView, out: DataView): number {
  if (out.byteLength < 17) return -EINVAL;
  out.setUint8(0, 16);
  new Uint8Array(out.buffer, out.byteOffset + 1, 16).set(engine.volume.superblock.uuid);
  return 17;
}

/** FS_IOC_MEASURE_VERITY: the digest behind struct fsverity_digest, which says how long it may be. */
function measure(engine: Engine, ino: number, _p: boolean, input: DataView, out: DataView): number {
  if (input.byteLength < 4) return -EINVAL;
  const found = measureVerity(engine, ino);
  if (typeof found === "number") return found;
  const { algorithm, digest } = found;
  const length = 4 + digest.length;
  if (input.getUint16(2, true) < digest.length || out.byteLength < length) return -EOVERFLOW;
  out.setUint16(0, algorithm, true);
  out.setUint16(2, digest.length, true);
  new Uint8Array(out.buffer, out.byteOffset).set(digest, 4);
  return length;
}
