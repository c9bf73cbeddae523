/** Whose files are in the image: `--owner`, `--map-users`, `--map-groups`. @module */

import { type Tree, TreeNode, type Xattr } from "./tree.ts";

/** Ids from `from` on, `count` of them, become those from `to` on. */
export interface IdMap {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** How owners change. */
export interface OwnerOptions {
  /** Everything belongs to these. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mapUsers?: readonly IdMap[];
  readonly mapGroups?: readonly IdMap[];
}

const ACL_NAMES = ["system.posix_acl_access", "system.posix_acl_default"];
const ACL_HEADER_BYTES = 4;
const ACL_ENTRY_BYTES = 8;
const ACL_USER = 0x02;
const ACL_GROUP = 0x08;
const decoder = new TextDecoder();

/** An id in the image; one that no map speaks of stays. */
export function mappedId(id: number, maps: readonly IdMap[]): number {
  const map = maps.find(({ from, count }) => id >= from && id < from + count);
  return map === undefined ? id : map.to + (id - map.from);
}

/** Changes the owners in a tree, those that ACLs name among them. */
export function changeOwners(tree: Tree, options: OwnerOptions): void {
  const { owner, mapUsers = [], mapGroups = [] } = options;
  if (owner === undefined && mapUsers.length === 0 && mapGroups.length === 0) return;
  const seen = new Set<TreeNode>();
  const change = (node: TreeNode): void => {
    if (seen.has(node)) return;
    if (node.names > 1) seen.add(node);
    node.uid = owner?.uid ?? mappedId(node.uid, mapUsers);
    node.gid = owner?.gid ?? mappedId(node.gid, mapGroups);
    if (mapUsers.length + mapGroups.length === 0) return;
    const { xattrs } = node;
    if (xattrs.length > 0) {
      node.setXattrs(xattrs.map((xattr) => mapAcl(xattr, mapUsers, mapGroups)));
    }
  };
  if (tree.rootGiven || owner !== undefined) change(tree.root);
  for (const { entry } of tree.walk()) change(entry.node);
}

/** ACLs are in the form of the system calls: version, and entries of tag, permissions and id. */
function mapAcl(
  [name, value]: Xattr,
  users: readonly IdMap[],
  groups: readonly IdMap[],
): Xattr {
  if (!ACL_NAMES.includes(decoder.decode(name))) return [name, value];
  const mapped = value.slice();
  const view = new DataView(mapped.buffer);
  for (let at = ACL_HEADER_BYTES; at + ACL_ENTRY_BYTES <= mapped.length; at += ACL_ENTRY_BYTES) {
    const tag = view.getUint16(at, true);
    const maps = tag === ACL_USER ? users : tag === ACL_GROUP ? groups : undefined;
    if (maps === undefined) continue;
    view.setUint32(at + 4, mappedId(view.getUint32(at + 4, true), maps), true);
  }
  return [name, mapped];
}
