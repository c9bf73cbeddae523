/**
 * Attributes of nodes: mode, owner, times, inode flags.
 *
 * @module
 */

import { EINVAL } from "../fs/errno.ts";
import { setFlags as setInodeFlags, visibleFlags } from "../fs/ops/inode_flags.ts";
import { type AttributeChange, setAttributes } from "../fs/ops/set_attributes.ts";
import type { Core } from "./core.ts";
import { type FileInfo, fileInfoOf } from "./file_info.ts";
import type { NodeOptions } from "./node_options.ts";
import type { Path } from "./path.ts";
import { type TimeInput, timestampOf } from "./timestamp.ts";

const MAX_ID = 0xffffffff;

export function stat(core: Core, path: Path, follow: boolean): FileInfo {
  return core.run(
    follow ? "stat" : "lstat",
    path,
    () => fileInfoOf(core.findInode(path, follow), core.blockBytes),
  );
}

export function chmod(core: Core, path: Path, mode: number): void {
  core.run("chmod", path, () => change(core, core.find(path, true), modeChange(core, mode)));
}

export function chown(
  core: Core,
  path: Path,
  uid: number | null,
  gid: number | null,
  options: NodeOptions,
): void {
  core.run("chown", path, () => {
    const ino = core.find(path, options.noFollow !== true);
    change(core, ino, {
      ...(uid === null ? {} : { uid: checkedId(core, uid) }),
      ...(gid === null ? {} : { gid: checkedId(core, gid) }),
      killPrivileges: true,
    });
  });
}

export function utime(
  core: Core,
  path: Path,
  atime: TimeInput | null,
  mtime: TimeInput | null,
  options: NodeOptions,
): void {
  core.run("utime", path, () => {
    const times = timesChange(core, atime, mtime);
    change(core, core.find(path, options.noFollow !== true), times);
  });
}

export function getFlags(core: Core, path: Path): number {
  return core.run("getFlags", path, () => visibleFlags(core.findInode(path, true)));
}

export function setFlags(core: Core, path: Path, flags: number): void {
  core.run("setFlags", path, () => {
    core.must(setInodeFlags(core.engine, core.find(path, true), flags >>> 0, true));
  });
}

/** Changes attributes of an inode, within an operation. */
export function change(core: Core, ino: number, attributes: AttributeChange): void {
  core.must(setAttributes(core.engine, ino, attributes, true));
}

/** A change of the permission bits. */
export function modeChange(core: Core, mode: number): AttributeChange {
  if (!Number.isInteger(mode) || mode < 0) core.refuse(EINVAL, `${mode} is no mode`);
  return { mode: mode & 0o7777 };
}

/** A change of times; null leaves one as it is. */
export function timesChange(
  core: Core,
  atime: TimeInput | null,
  mtime: TimeInput | null,
): AttributeChange {
  try {
    return {
      ...(atime === null ? {} : { atime: timestampOf(atime) }),
      ...(mtime === null ? {} : { mtime: timestampOf(mtime) }),
    };
  } catch (error) {
    if (error instanceof RangeError) core.refuse(EINVAL, error.message);
    throw error;
  }
}

function checkedId(core: Core, id: number): number {
  if (Number.isInteger(id) && id >= 0 && id < MAX_ID) return id;
  return core.refuse(EINVAL, `${id} is no user or group number`);
}
