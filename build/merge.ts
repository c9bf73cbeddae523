/** Laying one source over another. @module */

import { type Entry, keyOf, type Tree, TreeNode } from "./tree.ts";

/**
 * Puts a node into a directory: over an older directory a directory is laid, anything else is replaced.
 * @returns the node that is there now: the older directory with the new attributes, or `node`.
 */
export function mergeNode(
  tree: Tree,
  parent: TreeNode,
  name: Uint8Array,
  node: TreeNode,
  source: number,
): TreeNode {
  const old = parent.children?.get(keyOf(name));
  if (old?.node.children !== undefined && node.children !== undefined) {
    takeOver(old, node, source);
    return old.node;
  }
  if (old !== undefined) tree.remove(parent, name);
  tree.add(parent, name, node, source);
  return node;
}

function takeOver(entry: Entry, from: TreeNode, source: number): void {
  copyAttributes(from, entry.node);
  entry.source = source;
  entry.implied = false;
}

/** Owner, mode, times and extended attributes. */
export function copyAttributes(from: TreeNode, to: TreeNode): void {
  to.mode = from.mode;
  to.uid = from.uid;
  to.gid = from.gid;
  to.atime = from.atime;
  to.mtime = from.mtime;
  to.ctime = from.ctime;
  to.setXattrs(from.xattrs);
}
