/**
 * Images that come out the same, bit for bit, wherever and whenever they are made.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import type { FormatOptions } from "../fs/mkfs/options.ts";
import type { NodeTime } from "../fs/mkfs/populate.ts";
import type { Tree, TreeNode } from "./tree.ts";

/** The time of everything when no other was chosen: 1980-01-01T00:00:00Z, which all programs can represent. */
export const DEFAULT_EPOCH = 315_532_800;

/** Part of what identifiers are made from: images of another version of the recipe differ. */
const RECIPE = "kfs image 1";
const IDENTIFIER_BYTES = 16;

/** What an identifier is for. */
export type Purpose = "file system" | "directory hash" | "disk" | "partition";

/**
 * Makes the times depend on nothing but the source's modification times: those later than the epoch
 * become the epoch, and access and change times follow the modification time.
 */
export function clampTimes(tree: Tree, epochSeconds: number): void {
  const epoch: NodeTime = { seconds: epochSeconds, nanoseconds: 0 };
  const clamp = (node: TreeNode): void => {
    if (node.mtime.seconds >= epochSeconds) node.mtime = epoch;
    node.atime = node.ctime = node.mtime;
  };
  clamp(tree.root);
  for (const { entry } of tree.walk()) clamp(entry.node);
}

/**
 * Identifiers of an image, made from what it is made from: SHA-256 over the options, the time, and the
 * path and attributes of each node (not the contents of files, which are read once only); over that and
 * the purpose again; the first 16 bytes, marked as a UUID of version 8 (RFC 9562).
 */
export class Identifiers {
  readonly #seed: Uint8Array;

  constructor(tree: Tree | undefined, options: FormatOptions, epochSeconds: number) {
    const hash = createHash("sha256");
    hash.update(`${RECIPE}\n${epochSeconds}\n${describeOptions(options)}\n`);
    if (tree !== undefined) hashTree(hash, tree);
    this.#seed = hash.digest();
  }

  /** 16 bytes. */
  of(purpose: Purpose): Uint8Array {
    const digest = createHash("sha256").update(this.#seed).update(purpose).digest();
    const id = new Uint8Array(digest.subarray(0, IDENTIFIER_BYTES));
    id[6] = ((id[6] ?? 0) & 0x0f) | 0x80;
    id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
    return id;
  }
}

/** Options that leave nothing to chance, and the identifiers that they are made with. */
export interface Reproducible {
  readonly options: FormatOptions;
  readonly identifiers: Identifiers;
}

/** UUID and hash seed, where they were not given, come from what the image is made of; the host is not named. */
export function makeReproducible(
  options: FormatOptions,
  tree: Tree | undefined,
  epochSeconds: number,
): Reproducible {
  const identifiers = new Identifiers(tree, options, epochSeconds);
  return {
    identifiers,
    options: {
      ...options,
      uuid: options.uuid ?? identifiers.of("file system"),
      hashSeed: options.hashSeed ?? identifiers.of("directory hash"),
      nodeName: "",
      deviceName: "",
      clock: () => epochSeconds,
    },
  };
}

/** Options that do not say what is made, but how. */
const NOT_CONTENT: ReadonlySet<string> = new Set([
  "clock",
  "random",
  "progress",
  "fill",
  "storage",
  "nodeName",
  "deviceName",
  "discard",
]);

function describeOptions(options: FormatOptions): string {
  const entries = Object.entries(options).filter(([name, value]) =>
    !NOT_CONTENT.has(name) && value !== undefined
  );
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries, (_, value) => value instanceof Uint8Array ? [...value] : value);
}

function hashTree(hash: Hash, tree: Tree): void {
  describeNode(hash, "", tree.root);
  const numbers = new Map<TreeNode, number>();
  for (const { path, entry } of tree.walk()) {
    const { node } = entry;
    if (node.names > 1 && node.children === undefined) {
      const known = numbers.get(node);
      if (known !== undefined) {
        hash.update(`${path}\0link ${known}\n`, "latin1");
        continue;
      }
      numbers.set(node, numbers.size);
    }
    describeNode(hash, path, node);
  }
}

function describeNode(hash: Hash, path: string, node: TreeNode): void {
  const { mode, uid, gid, size, rdev, mtime } = node;
  hash.update(
    `${path}\0${mode} ${uid} ${gid} ${size} ${rdev} ${mtime.seconds}.${mtime.nanoseconds} ` +
      `${node.target.length} ${node.xattrs.length}\n`,
    "latin1",
  );
  hash.update(node.target);
  for (const [name, value] of node.xattrs) {
    hash.update(`${name.length} ${value.length}\n`).update(name).update(value);
  }
}
