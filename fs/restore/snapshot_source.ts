/**
 * A tree in a snapshot, to be copied from.
 *
 * @module
 */

import { Corrupt, FsError } from "../errors.ts";
import { readDevice } from "../layout/device_number.ts";
import { I_BLOCK_OFFSET, S_IFBLK, S_IFCHR, S_IFMT } from "../layout/inode.ts";
import type { SourceNode } from "../mkfs/populate.ts";
import { getAttribute, listAttributes } from "../ops/attributes.ts";
import type { Engine } from "../ops/engine.ts";
import { namesIn } from "../ops/remove_tree.ts";
import { readFile } from "../ops/read.ts";
import { seek, SEEK_DATA, SEEK_HOLE } from "../ops/seek.ts";
import { readSymlink } from "../ops/symlink.ts";

const PIECE_BYTES = 1 << 20;
const LONGEST_TARGET = 65536;

/** A node with what is not in a `SourceNode`. */
export interface SnapshotNode extends SourceNode {
  readonly ino: number;
  /** i_flags. */
  readonly flags: number;
  readonly projectId: number;
  readChildren(): Iterable<SnapshotNode>;
}

/** The node `ino` of a snapshot under a name. @throws Corrupt, DeviceError */
export function sourceNode(
  view: Engine,
  ino: number,
  name: Uint8Array,
  path: string,
): SnapshotNode {
  const inode = view.inode(ino);
  const type = inode.mode & S_IFMT;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  return {
    ino,
    name,
    path,
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    size: inode.size,
    flags: inode.flags,
    projectId: inode.projectId,
    rdev: isDevice ? readDevice(inode.view, I_BLOCK_OFFSET) : 0,
    atime: { seconds: inode.atime, nanoseconds: inode.atimeNsec },
    mtime: { seconds: inode.mtime, nanoseconds: inode.mtimeNsec },
    ctime: { seconds: inode.ctime, nanoseconds: inode.ctimeNsec },
    linkKey: !inode.isDirectory && inode.links > 1 ? String(ino) : undefined,
    readContent: (write) => readContent(view, ino, write),
    readTarget() {
      const target = new Uint8Array(LONGEST_TARGET);
      const length = readSymlink(view, ino, target);
      if (length < 0) throw new FsError(-length, `${path}: the link cannot be read`);
      return target.slice(0, length);
    },
    readXattrs: () => readXattrs(view, ino, path),
    *readChildren() {
      for (const child of namesIn(view, ino)) {
        view.trim();
        const text = new TextDecoder().decode(child.name);
        yield sourceNode(view, child.ino, child.name, `${path === "/" ? "" : path}/${text}`);
      }
    },
  };
}

function readContent(
  view: Engine,
  ino: number,
  write: (offset: number, bytes: Uint8Array) => void,
): void {
  const { size } = view.inode(ino);
  const piece = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < size;) {
    const from = seek(view, ino, at, SEEK_DATA);
    if (from < 0) return;
    const to = seek(view, ino, from, SEEK_HOLE);
    if (to <= from) throw new Corrupt("extent node", `inode ${ino}`, "a hole where data begin");
    for (at = from; at < to;) {
      const bytes = piece.subarray(0, Math.min(PIECE_BYTES, to - at));
      const count = readFile(view, view.inode(ino), at, bytes);
      if (count <= 0) throw new FsError(5, `inode ${ino} cannot be read at ${at}`);
      write(at, bytes.subarray(0, count));
      at += count;
    }
    view.trim();
  }
}

function* readXattrs(
  view: Engine,
  ino: number,
  path: string,
): Generator<readonly [Uint8Array, Uint8Array]> {
  const refuse = (result: number): never => {
    throw new FsError(-result, `${path}: its attributes cannot be read`);
  };
  const length = listAttributes(view, ino, new Uint8Array(0), true);
  if (length < 0) refuse(length);
  const list = new Uint8Array(length);
  if (length > 0) listAttributes(view, ino, list, true);
  for (let start = 0; start < length;) {
    const end = list.indexOf(0, start);
    const name = list.slice(start, end);
    start = end + 1;
    const bytes = getAttribute(view, ino, name, new Uint8Array(0), true);
    if (bytes < 0) refuse(bytes);
    const value = new Uint8Array(bytes);
    if (bytes > 0) getAttribute(view, ino, name, value, true);
    yield [name, value];
  }
}
