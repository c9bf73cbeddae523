/**
 * What the image of a crash workload should hold: a tree of names, and for each step of the workload the
 * whole tree in a form that can be compared.
 *
 * @module
 */

import { Content } from "./content.ts";

/** A node; hard links share one. */
export interface Node {
  readonly kind: "file" | "directory" | "link";
  /** The engine's number. */
  readonly ino: number;
  mode: number;
  links: number;
  /** Seconds; as the engine has it. */
  mtime: number;
  readonly target: string;
  readonly children: Map<string, Node>;
  readonly xattrs: Map<string, string>;
  readonly content: Content;
  /** Open: lives without a name. */
  open: boolean;
}

/** The tree as one line for each path. */
export type Snapshot = ReadonlyMap<string, SnapshotEntry>;

export interface SnapshotEntry {
  readonly line: string;
  /** Seconds: tells states apart that are otherwise the same. */
  readonly mtime: number;
  readonly node: Node;
}

export function newNode(
  kind: Node["kind"],
  ino: number,
  mode: number,
  target = "",
): Node {
  return {
    kind,
    ino,
    mode,
    links: kind === "directory" ? 2 : 1,
    mtime: 0,
    target,
    children: new Map(),
    xattrs: new Map(),
    content: new Content(),
    open: false,
  };
}

/** What a line says of a node: the same for the model and for an image. */
export interface LineParts {
  readonly kind: Node["kind"];
  readonly mode: number;
  readonly links: number;
  readonly size: number;
  readonly target: string;
  readonly xattrs: ReadonlyMap<string, string>;
}

export function lineOf(parts: LineParts): string {
  const { kind, mode, links, size, target, xattrs } = parts;
  const attributes = xattrs.size === 0
    ? ""
    : [...xattrs].map(([name, value]) => ` ${name}=${value}`).sort().join("");
  return `${kind} ${mode.toString(8)} ${links} ${size} ${target}${attributes}`;
}

/**
 * The tree below `root` now.
 * @param refresh called with each node.
 */
export function snapshotOf(root: Node, refresh: (node: Node) => void): Snapshot {
  const snapshot = new Map<string, SnapshotEntry>();
  const visit = (path: string, node: Node): void => {
    refresh(node);
    const size = node.kind === "file" ? node.content.size : 0;
    snapshot.set(path, { line: lineOf({ ...node, size }), mtime: node.mtime, node });
    for (const [name, child] of node.children) visit(`${path}/${name}`, child);
  };
  visit("", root);
  return snapshot;
}

/** A number that tells trees apart, whatever their order. */
export class TreeDigest {
  #low = 0;
  #high = 0;

  add(path: string, line: string, mtime = 0): void {
    let a = 0x811c9dc5 ^ mtime;
    let b = 0x1234567;
    for (const text of [path, "\n", line]) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        a = Math.imul(a ^ code, 0x01000193);
        b = Math.imul(b + code, 0x9e3779b1) ^ (b >>> 15);
      }
    }
    this.#low = (this.#low + a) >>> 0;
    this.#high = (this.#high + b) >>> 0;
  }

  toString(): string {
    return `${this.#high.toString(16)}.${this.#low.toString(16)}`;
  }
}

export function digestOf(snapshot: Snapshot): string {
  const digest = new TreeDigest();
  for (const [path, { line, mtime }] of snapshot) digest.add(path, line, mtime);
  return digest.toString();
}
