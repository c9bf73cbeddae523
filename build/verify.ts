/** Reading an image back, and comparing it with what went in. @module */

import type { BlockDevice } from "../fs/device/device.ts";
import { S_IFMT } from "../fs/layout/inode.ts";
import type { NodeAttributes, NodeTime } from "../fs/mkfs/populate.ts";
import type { Engine } from "../fs/ops/engine.ts";
import { openEngine } from "../fs/ops/open_volume.ts";
import { ContentDigest, type Digests } from "./digests.ts";
import { type ImageNode, imageRoot, SeenDirectories } from "./image_nodes.ts";
import { type Entry, keyOf, show, type Tree, TreeNode } from "./tree.ts";

const CACHE_BYTES = 64 << 20;
const CACHED_INODES = 4096;
const LOST_FOUND = "lost+found";
const decoder = new TextDecoder();

/** What is compared besides the tree. */
export interface VerifyOptions {
  /** Attributes that the root directory was to get. */
  readonly root: NodeAttributes;
  readonly copyXattrs: boolean;
}

/**
 * Compares an image with the tree that it was made from.
 * @param digests of the contents that were copied.
 * @returns one line for each difference; empty when there is none.
 */
export function verifyImage(
  device: BlockDevice,
  tree: Tree,
  digests: Digests,
  options: VerifyOptions,
): readonly string[] {
  const engine = openReadOnly(device);
  return new Comparison(engine, digests, options).run(tree);
}

/** The engine over a device that nobody changes. @throws Corrupt, DeviceError */
export function openReadOnly(device: BlockDevice): Engine {
  return openEngine(device, {
    readOnly: true,
    cacheBytes: CACHE_BYTES,
    cachedInodes: CACHED_INODES,
    clock: { read: () => undefined, seconds: 0, nanoseconds: 0 },
    report: () => undefined,
    accessTime: "noatime",
    noDirectoryAccessTime: true,
    lazyTime: false,
    sync: false,
    directorySync: false,
    discard: false,
    random: () => 0,
    noRecovery: false,
    mountPoint: "",
  });
}

class Comparison {
  readonly #differences: string[] = [];
  readonly #seen = new SeenDirectories();
  /** Which inode each node with several names became. */
  readonly #inodes = new Map<TreeNode, number>();
  readonly #maxTime: number;

  constructor(
    readonly engine: Engine,
    readonly digests: Digests,
    readonly options: VerifyOptions,
  ) {
    this.#maxTime = engine.inode(2).maxTime;
  }

  run(tree: Tree): readonly string[] {
    const root = imageRoot(this.engine);
    this.#attributes("/", this.options.root, root);
    this.#xattrs("/", tree.root, root);
    const stack = [{ path: "", node: tree.root, image: root }];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      this.#seen.enter(at.image.ino);
      const below = this.#children(at.path, at.node, at.image);
      stack.push(...below.reverse());
    }
    return this.#differences;
  }

  #children(
    path: string,
    node: TreeNode,
    image: ImageNode,
  ): { path: string; node: TreeNode; image: ImageNode }[] {
    const below: { path: string; node: TreeNode; image: ImageNode }[] = [];
    const found = new Map(image.children().map((child) => [keyOf(child.name), child]));
    for (const entry of node.sortedChildren()) {
      const own = `${path}/${show(entry.name)}`;
      const child = found.get(keyOf(entry.name));
      found.delete(keyOf(entry.name));
      if (child === undefined) {
        this.#differences.push(`${own} is missing`);
        continue;
      }
      if (this.#node(own, entry, child)) below.push({ path: own, node: entry.node, image: child });
    }
    for (const [key, child] of found) {
      const own = `${path}/${show(child.name)}`;
      if (path !== "" || key !== LOST_FOUND) this.#differences.push(`${own} is not in the source`);
    }
    return below;
  }

  /** @returns whether it is a directory to be entered. */
  #node(path: string, { node }: Entry, image: ImageNode): boolean {
    if ((node.mode & S_IFMT) !== (image.mode & S_IFMT)) {
      this.#differences.push(`${path} is of another type`);
      return false;
    }
    const known = this.#inodes.get(node);
    if (node.names > 1 && node.children === undefined) {
      if (known === undefined) this.#inodes.set(node, image.ino);
      else {
        if (known !== image.ino) this.#differences.push(`${path} is not the hard link that it was`);
        return false;
      }
    }
    this.#attributes(path, node, image);
    this.#xattrs(path, node, image);
    if (node.rdev !== image.rdev) this.#differences.push(`${path} is another device`);
    if (node.isSymlink && keyOf(node.target) !== keyOf(image.target())) {
      this.#differences.push(`${path} leads elsewhere`);
    }
    if (node.isFile) this.#content(path, node, image);
    return node.children !== undefined;
  }

  #attributes(path: string, wanted: NodeAttributes, { mode, uid, gid, ...image }: NodeAttributes) {
    const differs = (what: string, a: number, b: number, base = 10): void => {
      if (a === b) return;
      this.#differences.push(`${path}: ${what} ${b.toString(base)} and not ${a.toString(base)}`);
    };
    differs("mode", wanted.mode & 0o7777, mode & 0o7777, 8);
    differs("owner", wanted.uid, uid);
    differs("group", wanted.gid, gid);
    for (const which of ["atime", "mtime", "ctime"] as const) {
      if (!this.#sameTime(wanted[which], image[which])) {
        this.#differences.push(
          `${path}: ${which} ${image[which].seconds} and not ${wanted[which].seconds}`,
        );
      }
    }
  }

  /** Small inodes know seconds up to 2038. */
  #sameTime(wanted: NodeTime, image: NodeTime): boolean {
    const seconds = Math.max(-0x80000000, Math.min(this.#maxTime, wanted.seconds));
    if (seconds !== image.seconds) return false;
    return image.nanoseconds === wanted.nanoseconds || seconds !== wanted.seconds ||
      this.engine.volume.superblock.inodeBytes === 128;
  }

  #xattrs(path: string, node: TreeNode, image: ImageNode): void {
    if (!this.options.copyXattrs) return;
    const found = new Map(image.xattrs().map(([name, value]) => [keyOf(name), value]));
    for (const [name, value] of node.xattrs) {
      const other = found.get(keyOf(name));
      found.delete(keyOf(name));
      if (other !== undefined && keyOf(other) === keyOf(value)) continue;
      const what = other === undefined ? "is missing" : "differs";
      this.#differences.push(`${path}: attribute ${decoder.decode(name)} ${what}`);
    }
    for (const name of found.keys()) {
      if (path === "/" && name === "security.selinux") continue;
      this.#differences.push(`${path}: attribute ${name} is not in the source`);
    }
  }

  #content(path: string, node: TreeNode, image: ImageNode): void {
    if (node.size !== image.size) {
      this.#differences.push(`${path}: ${image.size} bytes and not ${node.size}`);
      return;
    }
    const digest = new ContentDigest();
    for (const range of image.ranges()) {
      image.read(range, (offset, bytes) => digest.data(offset, bytes));
    }
    if (digest.finish(image.size) !== this.digests.of(node)) {
      this.#differences.push(`${path}: the content differs`);
    }
  }
}
