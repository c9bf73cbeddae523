/**
 * Opening and making files, as far as inode numbers.
 *
 * @module
 */

import { EEXIST, EINVAL, EISDIR, ENOENT, ENOSPC, ENXIO } from "../fs/errno.ts";
import { S_IFREG } from "../fs/layout/inode.ts";
import { makeNode } from "../fs/ops/create.ts";
import { mayOpen, O_APPEND, O_TRUNC } from "../fs/ops/open_flags.ts";
import { write } from "../fs/ops/write.ts";
import type { Core } from "./core.ts";
import { FILE_MODE } from "./make.ts";
import { change } from "./metadata.ts";
import type { ModeOptions } from "./node_options.ts";
import { bytesOf, checkedBytes, type Path } from "./path.ts";

/** How a file is opened: the names of `Deno.OpenOptions`. Without any, for reading. */
export interface OpenFileOptions extends ModeOptions {
  readonly read?: boolean;
  readonly write?: boolean;
  /** Write, always at the end. */
  readonly append?: boolean;
  /** Start with an empty file. Needs `write`. */
  readonly truncate?: boolean;
  /** Make the file when there is none. Needs `write` or `append`. */
  readonly create?: boolean;
  /** Make the file; fail with EEXIST when there is one. Needs `write` or `append`. */
  readonly createNew?: boolean;
}

const O_RDWR = 2;
/** Content is handed to the engine in pieces of this many bytes: one transaction handle each. */
const WRITE_BYTES = 1 << 20;
const WRITE_OPTIONS = { privileged: true, killPrivileges: false } as const;

/** A file that was opened. */
export interface OpenedNode {
  readonly ino: number;
  /** There was none before. */
  readonly made: boolean;
}

/** Within an operation: finds a file, or makes it when the options say so. @throws FsError */
export function openNode(core: Core, path: Path, options: OpenFileOptions): OpenedNode {
  checkOptions(core, options);
  const { resolver, engine } = core;
  const createNew = options.createNew === true;
  const found = core.must(resolver.walk(bytesOf(path), createNew ? "never" : "always"));
  if (found === 0) {
    if (options.create !== true && !createNew) core.refuse(ENOENT);
    if (resolver.trailingSlash) core.refuse(EISDIR);
    const mode = S_IFREG | ((options.mode ?? FILE_MODE) & 0o7777);
    const { parent, name } = resolver;
    const ino = core.must(makeNode(engine, core.owner, parent, name, mode, 0, 0));
    return { ino, made: true };
  }
  if (createNew) core.refuse(EEXIST);
  core.must(mayOpen(engine, found, openFlags(options)));
  const inode = engine.inode(found);
  if (!inode.isRegular && !inode.isDirectory) core.refuse(ENXIO, "it is no file or directory");
  if (options.truncate === true) change(core, found, { size: 0 });
  return { ino: found, made: false };
}

function checkOptions(core: Core, options: OpenFileOptions): void {
  const writes = options.write === true || options.append === true;
  const makes = options.create === true || options.createNew === true;
  if (!writes && (makes || options.truncate === true)) {
    core.refuse(EINVAL, "create, createNew and truncate need write or append");
  }
  if (options.append === true && options.truncate === true) {
    core.refuse(EINVAL, "append and truncate exclude each other");
  }
  if (!writes && options.read === false) core.refuse(EINVAL, "neither read nor write is asked for");
}

function openFlags(options: OpenFileOptions): number {
  const writes = options.write === true || options.append === true;
  return (writes ? O_RDWR : 0) | (options.append === true ? O_APPEND : 0) |
    (options.truncate === true ? O_TRUNC : 0);
}

/**
 * Within an operation: writes all of `data` into a regular file.
 * @returns bytes written: fewer than given when space ran out after a part. @throws FsError
 */
export function writeContent(core: Core, ino: number, offset: number, data: Uint8Array): number {
  checkedBytes(data, "data");
  let done = 0;
  while (done < data.length) {
    // Pieces end where a multiple of their size ends, so that they cover whole blocks.
    const room = WRITE_BYTES - (offset + done) % WRITE_BYTES;
    const piece = data.subarray(done, Math.min(data.length, done + room));
    const count = write(core.engine, ino, offset + done, piece, WRITE_OPTIONS);
    if (count > 0) done += count;
    else if (done > 0) return done;
    else core.must(count === 0 ? -ENOSPC : count);
  }
  return done;
}
