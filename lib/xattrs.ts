/** Extended attributes. @module */

import { ENODATA, ERANGE } from "../fs/errno.ts";
import {
  getAttribute,
  listAttributes,
  removeAttribute,
  setAttribute,
} from "../fs/ops/attributes.ts";
import { XATTR_CREATE, XATTR_REPLACE } from "../fs/xattr/xattr.ts";
import type { Core } from "./core.ts";
import type { NodeOptions } from "./node_options.ts";
import { bytesOf, checkedBytes, type Path, textOf } from "./path.ts";

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** How `setXattr` works. */
export interface XattrOptions extends NodeOptions {
  /** Fail with EEXIST when the attribute exists. */
  readonly create?: boolean;
  /** Fail with ENODATA when it does not. */
  readonly replace?: boolean;
}

export function getXattr(
  core: Core,
  path: Path,
  name: Path,
  options: NodeOptions,
): Uint8Array | undefined {
  return core.run("getXattr", path, () => {
    const ino = core.find(path, options.noFollow !== true);
    const nameBytes = bytesOf(name);
    const length = getAttribute(core.engine, ino, nameBytes, NOTHING, true);
    if (length === -ENODATA) return undefined;
    const value = new Uint8Array(core.must(length));
    if (length > 0) core.must(getAttribute(core.engine, ino, nameBytes, value, true));
    return value;
  });
}

export function setXattr(
  core: Core,
  path: Path,
  name: Path,
  value: Uint8Array | string,
  options: XattrOptions,
): void {
  const flags = (options.create === true ? XATTR_CREATE : 0) |
    (options.replace === true ? XATTR_REPLACE : 0);
  const how = { flags, killSgid: false, privileged: true };
  const bytes = typeof value === "string" ? encoder.encode(value) : checkedBytes(value, "a value");
  core.run("setXattr", path, () => {
    const ino = core.find(path, options.noFollow !== true);
    core.must(setAttribute(core.engine, ino, bytesOf(name), bytes, how));
  });
}

export function removeXattr(core: Core, path: Path, name: Path, options: NodeOptions): void {
  core.run("removeXattr", path, () => {
    const ino = core.find(path, options.noFollow !== true);
    core.must(removeAttribute(core.engine, ino, bytesOf(name), true));
  });
}

export function listXattrs(core: Core, path: Path, options: NodeOptions): string[] {
  return core.run("listXattrs", path, () => {
    const ino = core.find(path, options.noFollow !== true);
    const list = new Uint8Array(core.must(listAttributes(core.engine, ino, NOTHING, true)));
    const length = list.length === 0 ? 0 : listAttributes(core.engine, ino, list, true);
    if (core.must(length) > list.length) core.refuse(ERANGE);
    return textOf(list.subarray(0, length)).split("\0").slice(0, -1);
  });
}
