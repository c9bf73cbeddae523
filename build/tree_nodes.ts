/** A `Tree` as what a file system is filled from. @module */

import type { NodeTime, SourceNode } from "../fs/mkfs/populate.ts";
import { type DataRange, type Entry, show, type TreeNode } from "./tree.ts";

const NO_NAME = new Uint8Array(0);

/** Told of contents as they are read. */
export interface ContentListener {
  begin(node: TreeNode): void;
  data(offset: number, bytes: Uint8Array): void;
  end(): void;
}

/** The root of a tree, for `populate`. @param listener is told of every content that is read. */
export function sourceOf(root: TreeNode, listener?: ContentListener): SourceNode {
  const numbers = new Map<TreeNode, string>();
  return new NodeView(root, NO_NAME, "", { numbers, listener });
}

interface Shared {
  /** For nodes with several names. */
  readonly numbers: Map<TreeNode, string>;
  readonly listener: ContentListener | undefined;
}

class NodeView implements SourceNode {
  constructor(
    readonly node: TreeNode,
    readonly name: Uint8Array,
    readonly folder: string,
    readonly shared: Shared,
  ) {}

  get mode(): number {
    return this.node.mode;
  }
  get uid(): number {
    return this.node.uid;
  }
  get gid(): number {
    return this.node.gid;
  }
  get size(): number {
    return this.node.size;
  }
  get rdev(): number {
    return this.node.rdev;
  }
  get atime(): NodeTime {
    return this.node.atime;
  }
  get mtime(): NodeTime {
    return this.node.mtime;
  }
  get ctime(): NodeTime {
    return this.node.ctime;
  }
  get path(): string {
    return this.name === NO_NAME ? "/" : `${this.folder}/${show(this.name)}`;
  }

  get linkKey(): string | undefined {
    const { node } = this;
    if (node.names <= 1 || node.children !== undefined) return undefined;
    const { numbers } = this.shared;
    let key = numbers.get(node);
    if (key === undefined) numbers.set(node, key = String(numbers.size));
    return key;
  }

  readRanges(): readonly DataRange[] {
    return this.node.content?.ranges(this.node.size) ?? [];
  }

  readContent(write: (offset: number, bytes: Uint8Array) => void): void {
    const { content, size } = this.node;
    const { listener } = this.shared;
    if (listener === undefined) return content?.read(size, write);
    listener.begin(this.node);
    content?.read(size, (offset, bytes) => {
      listener.data(offset, bytes);
      write(offset, bytes);
    });
    listener.end();
  }

  readTarget(): Uint8Array {
    return this.node.target;
  }

  readXattrs(): Iterable<readonly [Uint8Array, Uint8Array]> {
    return this.node.xattrs;
  }

  *readChildren(): Iterable<SourceNode> {
    const folder = this.name === NO_NAME ? "" : this.path;
    for (const { node, name } of this.node.sortedChildren() as readonly Entry[]) {
      yield new NodeView(node, name, folder, this.shared);
    }
  }
}
