/** A loaded tree on its way into an image: sizing, filling, verifying, telling what went in. @module */

import type { BlockDevice } from "../fs/device/device.ts";
import { S_IFDIR } from "../fs/layout/inode.ts";
import type { FormatOptions } from "../fs/mkfs/options.ts";
import {
  type NodeAttributes,
  populate,
  type PopulateResult,
  type TreeSink,
} from "../fs/mkfs/populate.ts";
import { Digests } from "./digests.ts";
import type { LoadedTree } from "./load.ts";
import { type Manifest, manifestOf } from "./manifest.ts";
import { chooseSize, DEFAULT_HEADROOM, type Headroom } from "./size.ts";
import type { Tree } from "./tree.ts";
import { sourceOf } from "./tree_nodes.ts";
import { verifyImage } from "./verify.ts";

/** How content goes into an image. */
export interface ContentOptions {
  readonly copyXattrs: boolean;
  /** Take digests, for a manifest and for verifying. */
  readonly digests: boolean;
  readonly warn: (message: string) => void;
  readonly progress?: (step: string, done: number, total: number) => void;
}

/** Owner and mode of the root directory, where they are not those that the sources give. */
type RootOptions = Pick<FormatOptions, "rootPermissions" | "rootUid" | "rootGid">;

/** What is put into one image. */
export class ImageContent implements Disposable {
  readonly #digests: Digests | undefined;
  readonly #root: NodeAttributes;

  constructor(
    readonly loaded: LoadedTree,
    readonly options: ContentOptions,
    rootOptions: RootOptions,
  ) {
    const { root } = loaded.tree;
    if (options.digests) this.#digests = new Digests();
    this.#root = {
      mode: S_IFDIR | (rootOptions.rootPermissions ?? root.mode & 0o7777),
      uid: rootOptions.rootUid ?? root.uid,
      gid: rootOptions.rootGid ?? root.gid,
      atime: root.atime,
      mtime: root.mtime,
      ctime: root.ctime,
    };
  }

  get tree(): Tree {
    return this.loaded.tree;
  }

  /** Options with the size that everything needs. @throws FormatError */
  sized(
    options: FormatOptions,
    minimize: boolean,
    headroom: Headroom | undefined,
  ): FormatOptions & { readonly sizeBytes: number } {
    return chooseSize(this.tree, options, {
      minimize,
      headroom: minimize ? { bytes: 0 } : headroom ?? DEFAULT_HEADROOM,
      copyXattrs: this.options.copyXattrs,
    });
  }

  /** Fills a file system. @throws FsError */
  run(sink: TreeSink): PopulateResult {
    const { copyXattrs, warn, progress } = this.options;
    return populate(sourceOf(this.tree.root, this.#digests), sink, {
      copyXattrs,
      root: this.#root,
      warn,
      ...(progress === undefined ? {} : { progress }),
    });
  }

  /** How an image differs from what was put in: one line each. Only with digests. */
  differences(device: BlockDevice): readonly string[] {
    if (this.#digests === undefined) return [];
    const options = { root: this.#root, copyXattrs: this.options.copyXattrs };
    return verifyImage(device, this.tree, this.#digests, options);
  }

  /** What went in; undefined without digests. */
  manifest(): Manifest | undefined {
    const digests = this.#digests;
    if (digests === undefined) return undefined;
    return manifestOf(this.tree, digests, this.#root, this.options.copyXattrs);
  }

  [Symbol.dispose](): void {
    this.loaded[Symbol.dispose]();
  }
}
