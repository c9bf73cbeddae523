/** From a FUSE SETATTR to a change of attributes. @module */

import {
  SET_ATIME,
  SET_ATIME_NOW,
  SET_CTIME,
  SET_GID,
  SET_KILL_SUIDGID,
  SET_MODE,
  SET_MTIME,
  SET_MTIME_NOW,
  SET_SIZE,
  SET_UID,
  type SetAttributes,
} from "../../ffi/fuse/port.ts";
import type { AttributeChange } from "../ops/set_attributes.ts";

/**
 * The change that a request asks for. A change of owner takes set-id bits and capabilities too: with
 * HANDLE_KILLPRIV_V2 that is left to the file system.
 */
export function changeOf(set: SetAttributes): AttributeChange {
  const { valid } = set;
  const change: AttributeChange = {};
  if ((valid & SET_MODE) !== 0) change.mode = set.mode;
  if ((valid & SET_UID) !== 0) change.uid = set.uid;
  if ((valid & SET_GID) !== 0) change.gid = set.gid;
  if ((valid & SET_SIZE) !== 0) change.size = set.size;
  if ((valid & SET_ATIME_NOW) !== 0) change.atime = "now";
  else if ((valid & SET_ATIME) !== 0) {
    change.atime = { seconds: set.atime, nanoseconds: set.atimeNsec };
  }
  if ((valid & SET_MTIME_NOW) !== 0) change.mtime = "now";
  else if ((valid & SET_MTIME) !== 0) {
    change.mtime = { seconds: set.mtime, nanoseconds: set.mtimeNsec };
  }
  if ((valid & SET_CTIME) !== 0) {
    change.ctime = { seconds: set.ctime, nanoseconds: set.ctimeNsec };
  }
  change.killPrivileges = (valid & (SET_KILL_SUIDGID | SET_UID | SET_GID)) !== 0;
  return change;
}
