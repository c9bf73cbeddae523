/**
 * All that an image holds, by path, taken down through the library.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Image, type ImageTarget, open } from "../../mod.ts";

/** A line for each path: kind, owner, mode, links, size, content, attributes. */
export function imageDigest(target: ImageTarget): ReadonlyMap<string, string> {
  using image = open(target, { readOnly: true });
  const lines = new Map<string, string>();
  for (const { path } of image.walk("/")) lines.set(path, lineOf(image, path));
  return lines;
}

function lineOf(image: Image, path: string): string {
  const info = image.lstat(path);
  const content = info.isFile
    ? createHash("sha1").update(image.readFile(path)).digest("hex")
    : info.isSymlink
    ? image.readLink(path)
    : "";
  const xattrs = image.listXattrs(path, { noFollow: true }).map((name) => {
    const value = image.getXattr(path, name, { noFollow: true }) ?? new Uint8Array(0);
    return `${name}=${createHash("sha1").update(value).digest("hex")}`;
  });
  const size = info.isDirectory ? "" : info.size;
  return [info.mode, info.uid, info.gid, info.nlink, size, content, ...xattrs.sort()].join(" ");
}
