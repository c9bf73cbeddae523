/**
 * Encryption policies: each encrypted inode has one, and all in a directory the same.
 *
 * @module
 */

import { XattrIndex } from "../layout/xattr_name.ts";
import type { CheckContext } from "./context.ts";
import { listInBlock, listInInode, valueOf } from "./find_xattr.ts";
import type { RawInode } from "./raw_inode.ts";

/** Ids below this are no policy, a corrupt one, one of an unknown version. */
const FIRST_ID = 3;
const UNRECOGNISED_ID = 2;
const CONTEXT_NAME = new TextEncoder().encode("c");
/** Bytes of a context by version; the last 16 are a nonce, the rest the policy. */
const CONTEXT_BYTES: readonly number[] = [0, 28, 40];
const NONCE_BYTES = 16;

/** Numbers the policies as they are found. */
export class EncryptionPolicies {
  readonly #check: CheckContext;
  readonly #ids = new Map<string, number>();
  readonly #block: Uint8Array<ArrayBuffer>;

  constructor(check: CheckContext) {
    this.#check = check;
    this.#block = check.reader.buffer();
  }

  /** Looks for the policy of an inode that is flagged ENCRYPT. */
  check(raw: RawInode): void {
    const { findings, policies } = this.#check;
    const context = this.#context(raw);
    if (context === undefined) {
      findings.add("inode_encryption_missing", { inode: raw.ino });
      return;
    }
    const version = context[0] ?? 0;
    const expected = CONTEXT_BYTES[version];
    if (version === 0 || (expected !== undefined && context.length !== expected)) {
      findings.add("inode_encryption_corrupt", { inode: raw.ino });
      return;
    }
    policies.set(raw.ino, expected === undefined ? UNRECOGNISED_ID : this.#id(context));
  }

  #id(context: Uint8Array): number {
    const policy = context.subarray(0, context.length - NONCE_BYTES).join(",");
    const known = this.#ids.get(policy);
    if (known !== undefined) return known;
    const id = FIRST_ID + this.#ids.size;
    this.#ids.set(policy, id);
    return id;
  }

  #context(raw: RawInode): Uint8Array | undefined {
    const inInode = listInInode(raw);
    const found = inInode && valueOf(inInode, XattrIndex.ENCRYPTION, CONTEXT_NAME);
    if (found !== undefined) return found;
    const block = raw.fileAcl(this.#check.features.is64bit);
    if (block === 0 || !this.#check.inRange(block)) return undefined;
    if (!this.#check.reader.read(block, this.#block)) return undefined;
    const list = listInBlock(this.#block, new DataView(this.#block.buffer));
    return list && valueOf(list, XattrIndex.ENCRYPTION, CONTEXT_NAME);
  }
}
