/**
 * Comparing an image with the model of what must be in it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Image } from "../../mod.ts";
import type { ModelNode } from "./library_model.ts";

/** Throws unless a node is what the model says. */
export function compareNode(image: Image, path: string, node: ModelNode): void {
  const info = image.lstat(path);
  const links = node.kind === "directory"
    ? 2 + [...node.children.values()].filter(({ kind }) => kind === "directory").length
    : node.links;
  const { mode, uid, gid } = node;
  assert.deepEqual(
    [info.mode & 0o7777, info.uid, info.gid, info.nlink],
    [mode, uid, gid, links],
    path,
  );
  if (node.kind === "link") {
    assert.equal(image.readLink(path), node.target, path);
    return;
  }
  const names = image.listXattrs(path).sort();
  assert.deepEqual(names, [...node.xattrs.keys()].sort(), path);
  for (const [name, value] of node.xattrs) {
    assert.equal(new TextDecoder().decode(image.getXattr(path, name)), value, `${path} ${name}`);
  }
  if (node.kind === "file") {
    assert.equal(info.size, node.content.length, path);
    assert.deepEqual(image.readFile(path), node.content, path);
  } else compareDirectory(image, path, node);
}

/** Throws unless a directory, and all below it, is what the model says. @param path "" for the root */
export function compareDirectory(image: Image, path: string, node: ModelNode): void {
  const entries = [...image.readDir(`${path}/`)].map(({ name }) => name);
  // The model does not know of the directory that e2fsck wants.
  const found = entries.filter((name) => path !== "" || name !== "lost+found");
  assert.deepEqual(found.sort(), [...node.children.keys()].sort(), path);
  for (const [name, child] of node.children) compareNode(image, `${path}/${name}`, child);
}
