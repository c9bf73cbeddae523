/** Changing mode, owner, times and size. @module */

import { EPERM } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag, S_IFMT } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { aclChmod } from "../xattr/acl.ts";
import type { Engine } from "./engine.ts";
import { mayTransfer, transfer } from "./owners.ts";
import { dropPrivileges } from "./privileges.ts";
import { truncate } from "./truncate.ts";

/** What is to change; what is left out stays. Times in seconds and nanoseconds, or "now". */
export interface AttributeChange {
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  atime?: Timestamp | "now";
  mtime?: Timestamp | "now";
  ctime?: Timestamp;
  /** Clear set-id bits and capabilities. */
  killPrivileges?: boolean;
}

export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * Changes attributes of an inode.
 * @returns 0 or a negated errno; the size is changed first, and alone when it fails.
 */
export function setAttributes(
  engine: Engine,
  ino: number,
  change: AttributeChange,
  privileged: boolean,
): number {
  const inode = engine.inode(ino);
  const allowed = check(inode, change);
  if (allowed < 0) return allowed;
  if (change.size !== undefined) {
    const result = truncate(engine, inode, change.size, privileged);
    if (result < 0) return result;
  }
  const result = engine.change((handle) => apply(engine, handle, inode, change));
  if (result >= 0 && (engine.options.sync || inode.has(InodeFlag.SYNC))) engine.volume.commit(true);
  return result;
}

function check(inode: Inode, change: AttributeChange): number {
  if (inode.has(InodeFlag.IMMUTABLE)) return -EPERM;
  if (!inode.has(InodeFlag.APPEND)) return 0;
  const setsTime = (time: Timestamp | "now" | undefined): boolean =>
    time !== undefined && time !== "now";
  const fixed = change.mode !== undefined || change.uid !== undefined ||
    change.gid !== undefined || change.size !== undefined;
  return fixed || setsTime(change.atime) || setsTime(change.mtime) ? -EPERM : 0;
}

function apply(engine: Engine, handle: Handle, inode: Inode, change: AttributeChange): number {
  const { uid = inode.uid, gid = inode.gid } = change;
  const owners = { uid, gid, projectId: inode.projectId };
  const allowed = mayTransfer(engine, handle, inode, owners) ||
    (change.killPrivileges ? dropPrivileges(engine, handle, inode) : 0);
  if (allowed < 0) return allowed;
  if (change.mode !== undefined) {
    const mode = (inode.mode & S_IFMT) | (change.mode & 0o7777);
    if (mode !== inode.mode) {
      const old = inode.mode;
      inode.mode = mode;
      const result = aclChmod(engine.alloc, handle, inode);
      if (result < 0) {
        inode.mode = old;
        return result;
      }
    }
  }
  transfer(engine, inode, owners);
  const time = (value: Timestamp | "now"): Timestamp =>
    value === "now" ? { seconds: engine.now, nanoseconds: engine.nowNsec } : clamp(inode, value);
  if (change.atime !== undefined) {
    const { seconds, nanoseconds } = time(change.atime);
    inode.atime = seconds;
    inode.atimeNsec = nanoseconds;
  }
  if (change.mtime !== undefined) {
    const { seconds, nanoseconds } = time(change.mtime);
    inode.mtime = seconds;
    inode.mtimeNsec = nanoseconds;
  }
  engine.stamp(handle, inode, false);
  if (change.ctime !== undefined) {
    inode.ctime = change.ctime.seconds;
    inode.ctimeNsec = change.ctime.nanoseconds;
  }
  return 0;
}

/** The nearest time that the inode can hold. */
function clamp(inode: Inode, time: Timestamp): Timestamp {
  const { maxTime } = inode;
  if (time.seconds > maxTime) return { seconds: maxTime, nanoseconds: 0 };
  if (time.seconds < -0x80000000) return { seconds: -0x80000000, nanoseconds: 0 };
  return inode.extraBytes >= 8 ? time : { seconds: time.seconds, nanoseconds: 0 };
}
