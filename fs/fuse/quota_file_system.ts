/**
 * A volume with quotas behind the file-system port: who asks decides whether limits hold.
 *
 * As for the kernel, whoever has CAP_SYS_RESOURCE may exceed them; FUSE tells user numbers alone, so that is root.
 *
 * @module
 */

import type { Engine } from "../ops/engine.ts";
import type { Quota } from "../quota/quota.ts";
import { Ext4FileSystem, type ServeOptions } from "./ext4_file_system.ts";
import { inodeOf } from "./node.ts";

/** FUSE_WRITE_CACHE: the kernel writes out what it kept, and does not tell whose it is. */
const WRITE_CACHE = 1;

type Given<Name extends keyof Ext4FileSystem> = Ext4FileSystem[Name] extends
  (...given: infer Arguments) => number ? Arguments : never;

/** An opened file system whose usage is counted. All that may need room is done within its caller's limits. */
export class QuotaFileSystem extends Ext4FileSystem {
  readonly #quota: Quota;

  constructor(engine: Engine, quota: Quota, options: ServeOptions) {
    super(engine, options);
    this.#quota = quota;
  }

  override mknod(...given: Given<"mknod">): number {
    return this.#as(given[0].uid, () => super.mknod(...given));
  }

  override mkdir(...given: Given<"mkdir">): number {
    return this.#as(given[0].uid, () => super.mkdir(...given));
  }

  override symlink(...given: Given<"symlink">): number {
    return this.#as(given[0].uid, () => super.symlink(...given));
  }

  override link(...given: Given<"link">): number {
    return this.#as(given[0].uid, () => super.link(...given));
  }

  override rename(...given: Given<"rename">): number {
    return this.#as(given[0].uid, () => super.rename(...given));
  }

  override create(...given: Given<"create">): number {
    return this.#as(given[0].uid, () => super.create(...given));
  }

  override tmpfile(...given: Given<"tmpfile">): number {
    return this.#as(given[0].uid, () => super.tmpfile(...given));
  }

  /** What was written through a mapping counts as the owner's doing. */
  override write(...given: Given<"write">): number {
    const [caller, node, , , , flags] = given;
    const cached = (flags & WRITE_CACHE) !== 0;
    const uid = cached ? this.engine.inode(inodeOf(node)).uid : caller.uid;
    return this.#as(uid, () => super.write(...given));
  }

  override fallocate(...given: Given<"fallocate">): number {
    return this.#as(given[0].uid, () => super.fallocate(...given));
  }

  override copyFileRange(...given: Given<"copyFileRange">): number {
    return this.#as(given[0].uid, () => super.copyFileRange(...given));
  }

  override setattr(...given: Given<"setattr">): number {
    return this.#as(given[0].uid, () => super.setattr(...given));
  }

  override setxattr(...given: Given<"setxattr">): number {
    return this.#as(given[0].uid, () => super.setxattr(...given));
  }

  override removexattr(...given: Given<"removexattr">): number {
    return this.#as(given[0].uid, () => super.removexattr(...given));
  }

  override ioctl(...given: Given<"ioctl">): number {
    return this.#as(given[0].uid, () => super.ioctl(...given));
  }

  /** Does `work` as user `uid`, or, within another operation, for it. */
  #as(uid: number, work: () => number): number {
    const quota = this.#quota;
    const before = quota.exempt;
    quota.exempt = uid === 0;
    try {
      return work();
    } finally {
      quota.exempt = before;
    }
  }
}

/** The file system as the FUSE server wants it. */
export function serveEngine(engine: Engine, options: ServeOptions): Ext4FileSystem {
  if (engine.quota === null) return new Ext4FileSystem(engine, options);
  return new QuotaFileSystem(engine, engine.quota, options);
}
