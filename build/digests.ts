/** SHA-256 of contents, taken while they are copied. @module */

import { createHash, type Hash } from "node:crypto";
import type { TreeNode } from "./tree.ts";
import type { ContentListener } from "./tree_nodes.ts";

const ZEROS = new Uint8Array(1 << 18);

/** The digest of nothing. */
export const EMPTY_DIGEST = createHash("sha256").digest("hex");

/** One digest: data at ascending offsets, zeros between them. */
export class ContentDigest {
  readonly #hash: Hash = createHash("sha256");
  #at = 0;

  data(offset: number, bytes: Uint8Array): void {
    this.#zerosTo(offset);
    this.#hash.update(bytes);
    this.#at = offset + bytes.length;
  }

  #zerosTo(offset: number): void {
    while (this.#at < offset) {
      const length = Math.min(ZEROS.length, offset - this.#at);
      this.#hash.update(ZEROS.subarray(0, length));
      this.#at += length;
    }
  }

  /** @param size of the file. @returns hexadecimal digits */
  finish(size: number): string {
    this.#zerosTo(size);
    return this.#hash.digest("hex");
  }
}

/** Remembers the digest of each file whose content was read. */
export class Digests implements ContentListener {
  readonly #known = new Map<TreeNode, string>();
  #node: TreeNode | undefined;
  #digest = new ContentDigest();

  begin(node: TreeNode): void {
    this.#node = node;
    this.#digest = new ContentDigest();
  }
  data(offset: number, bytes: Uint8Array): void {
    this.#digest.data(offset, bytes);
  }
  end(): void {
    if (this.#node !== undefined) this.#known.set(this.#node, this.#digest.finish(this.#node.size));
  }

  /** Hexadecimal digits. */
  of(node: TreeNode): string {
    return this.#known.get(node) ?? EMPTY_DIGEST;
  }
}
