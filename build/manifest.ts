/** What went into an image, as JSON. @module */

import { deviceMajor, deviceMinor } from "../fs/layout/device_number.ts";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../fs/layout/inode.ts";
import type { NodeAttributes } from "../fs/mkfs/populate.ts";
import type { Digests } from "./digests.ts";
import { keyOf, type Tree, type TreeNode } from "./tree.ts";

/** One name in the image. */
export interface ManifestEntry {
  /** Absolute. */
  readonly path: string;
  /** The path in base64, where it is not UTF-8. */
  readonly pathBytes?: string;
  readonly type: "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";
  /** Four octal digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, with up to nine digits behind the point. */
  readonly mtime: string;
  /** Bytes of a file. */
  readonly size?: number;
  /** Of a file's content. */
  readonly sha256?: string;
  /** Of a symbolic link. */
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
  /** The first name of a file that has several. */
  readonly linkTo?: string;
  /** Values in base64 by their names. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Everything in an image. */
export interface Manifest {
  readonly version: 1;
  /** In the order of the paths' bytes, each directory before what it holds. */
  readonly entries: readonly ManifestEntry[];
}

type Type = ManifestEntry["type"];
const TYPES: ReadonlyMap<number, Type> = new Map<number, Type>([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [S_IFCHR, "character"],
  [S_IFBLK, "block"],
  [S_IFIFO, "fifo"],
  [S_IFSOCK, "socket"],
]);
const decoder = new TextDecoder();

/**
 * The manifest of a tree.
 * @param root attributes of the root directory.
 * @param copyXattrs whether attributes were copied.
 */
export function manifestOf(
  tree: Tree,
  digests: Digests,
  root: NodeAttributes,
  copyXattrs: boolean,
): Manifest {
  const entries: ManifestEntry[] = [{ path: "/", ...attributesOf(tree.root, root, copyXattrs) }];
  const first = new Map<TreeNode, string>();
  for (const { path: key, entry } of tree.walk()) {
    const { node } = entry;
    const bytes = Uint8Array.from(`/${key}`, (char) => char.charCodeAt(0));
    const path = decoder.decode(bytes);
    const linkTo = first.get(node);
    if (node.names > 1 && linkTo === undefined) first.set(node, path);
    const isText = keyOf(new TextEncoder().encode(path)) === `/${key}`;
    entries.push({
      path,
      ...(isText ? {} : { pathBytes: bytes.toBase64() }),
      ...attributesOf(node, node, copyXattrs),
      ...(node.isFile ? { size: node.size, sha256: digests.of(node) } : {}),
      ...(linkTo === undefined ? {} : { linkTo }),
    });
  }
  return { version: 1, entries };
}

function attributesOf(
  node: TreeNode,
  { mode, uid, gid, mtime }: NodeAttributes,
  copyXattrs: boolean,
): Omit<ManifestEntry, "path"> {
  const type = TYPES.get(mode & S_IFMT) ?? "file";
  const xattrs = copyXattrs ? node.xattrs : [];
  const isDevice = type === "character" || type === "block";
  return {
    type,
    mode: (mode & 0o7777).toString(8).padStart(4, "0"),
    uid,
    gid,
    mtime: mtime.nanoseconds === 0
      ? String(mtime.seconds)
      : `${mtime.seconds}.${String(mtime.nanoseconds).padStart(9, "0")}`,
    ...(type === "symlink" ? { target: decoder.decode(node.target) } : {}),
    ...(isDevice ? { major: deviceMajor(node.rdev), minor: deviceMinor(node.rdev) } : {}),
    ...(xattrs.length === 0 ? {} : {
      xattrs: Object.fromEntries(
        xattrs.map(([name, value]) => [decoder.decode(name), new Uint8Array(value).toBase64()]),
      ),
    }),
  };
}
