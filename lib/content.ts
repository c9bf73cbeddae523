/**
 * Whole files: reading, writing, copying.
 *
 * @module
 */

import { EFBIG, EINVAL, EISDIR, ENOSPC } from "../fs/errno.ts";
import { copyRange } from "../fs/ops/copy_range.ts";
import { read } from "../fs/ops/read.ts";
import type { Core } from "./core.ts";
import { change, modeChange } from "./metadata.ts";
import type { ModeOptions } from "./node_options.ts";
import { openNode, writeContent } from "./open_node.ts";
import type { Path } from "./path.ts";
import { seekData, seekHole } from "./space.ts";

/** How `writeFile` works: the names of `Deno.WriteFileOptions`. */
export interface WriteFileOptions extends ModeOptions {
  /** Add to what the file holds, instead of replacing it. */
  readonly append?: boolean;
  /** Make the file when there is none. Default true. */
  readonly create?: boolean;
  /** Make the file; fail with EEXIST when there is one. */
  readonly createNew?: boolean;
}

/** Longest file that is read as a whole: 2 GiB less one byte. */
const MAX_WHOLE_BYTES = 2 ** 31 - 1;
const WRITE_OPTIONS = { privileged: true, killPrivileges: false } as const;

export function readFile(core: Core, path: Path): Uint8Array<ArrayBuffer> {
  return core.run("readFile", path, () => {
    const inode = core.findInode(path, true);
    if (inode.isDirectory) core.refuse(EISDIR);
    if (!inode.isRegular) core.refuse(EINVAL);
    if (inode.size > MAX_WHOLE_BYTES) {
      core.refuse(EFBIG, `its ${inode.size} bytes are too many to read at once`);
    }
    const content = new Uint8Array(inode.size);
    const length = core.must(read(core.engine, inode.ino, 0, content));
    return length === content.length ? content : content.slice(0, length);
  });
}

/** Data are written whole, or the error tells; after ENOSPC the file holds a part. */
export function writeFile(
  core: Core,
  path: Path,
  data: Uint8Array,
  options: WriteFileOptions,
): void {
  core.run("writeFile", path, () => {
    const append = options.append === true;
    const { ino, made } = openNode(core, path, {
      ...(append ? { append } : { write: true, truncate: true }),
      create: options.create ?? true,
      createNew: options.createNew ?? false,
      ...(options.mode === undefined ? {} : { mode: options.mode }),
    });
    const inode = core.engine.inode(ino);
    try {
      const written = writeContent(core, ino, append ? inode.size : 0, data);
      if (written < data.length) core.refuse(ENOSPC);
    } finally {
      if (inode.users === 0) core.engine.alloc.discardPreallocation(inode);
    }
    // As Deno does: the mode is for a file that was there, too.
    if (options.mode !== undefined && !made) change(core, ino, modeChange(core, options.mode));
  });
}

/** Copies content, holes as holes, and permission bits. */
export function copyFile(core: Core, from: Path, to: Path): void {
  core.run("copyFile", from, () => {
    const source = core.findInode(from, true);
    if (source.isDirectory) core.refuse(EISDIR);
    if (!source.isRegular) core.refuse(EINVAL);
    const { ino, size, mode } = source;
    const target = openNode(core, to, { write: true, create: true, mode }).ino;
    if (target === ino) core.refuse(EINVAL, "it cannot be copied onto itself");
    change(core, target, { size: 0 });
    copyContent(core, ino, target, size);
    change(core, target, { size, mode: mode & 0o7777 });
    core.engine.alloc.discardPreallocation(core.engine.inode(target));
  }, to);
}

function copyContent(core: Core, ino: number, target: number, size: number): void {
  let position = seekData(core, ino, 0);
  while (position !== null && position < size) {
    const end = seekHole(core, ino, position) ?? size;
    while (position < end) {
      const length = end - position;
      const copied = core.must(
        copyRange(core.engine, ino, position, target, position, length, WRITE_OPTIONS),
      );
      if (copied === 0) core.refuse(ENOSPC);
      position += copied;
    }
    position = seekData(core, ino, end);
  }
}
