/**
 * mkfs -d: filling the new file system from a directory of the host. A large tree is read by a thread of
 * its own.
 *
 * @module
 */

import { O_DIRECTORY, O_RDONLY } from "../../ffi/libc/constants.ts";
import { readNames } from "../../ffi/libc/directory.ts";
import { close, open } from "../../ffi/libc/file.ts";
import { statusOf } from "../../ffi/libc/status.ts";
import {
  type NodeAttributes,
  populate,
  type PopulateResult,
  type TreeSink,
} from "../../fs/mkfs/populate.ts";
import { replayStream } from "../../fs/mkfs/tree_stream.ts";
import { type Excluded, treeSource } from "../shared/tree_source.ts";
import { ChannelReader, newChannel } from "./tree_channel.ts";
import type { TreeOrder } from "./tree_worker.ts";

/** From this many nodes on a second thread pays. */
const LARGE_TREE = 2000;
const DT_DIR = 4;

/** What a copy is told. */
export interface CopyOptions {
  readonly copyXattrs: boolean;
  /** Owner, mode and times of the root directory. */
  readonly root: NodeAttributes;
  readonly warn: (message: string) => void;
  readonly progress: (step: string, done: number, total: number) => void;
}

/** A copy that is about to be made: for a large tree the reading has begun. */
export class TreeCopy {
  readonly #exclude: Excluded;
  readonly #channel: SharedArrayBuffer | undefined;
  readonly #worker: Worker | undefined;

  /** @param imagePath the image itself is left out, should it lie in the tree. */
  constructor(readonly directory: string, imagePath: string, readonly options: CopyOptions) {
    const { ino, deviceMajor, deviceMinor } = statusOf(imagePath, true);
    this.#exclude = { ino, deviceMajor, deviceMinor };
    if (!isLarge(directory)) return;
    this.#channel = newChannel();
    this.#worker = new Worker(new URL("./tree_worker.ts", import.meta.url), { type: "module" });
    const order: TreeOrder = {
      channel: this.#channel,
      directory,
      exclude: this.#exclude,
      copyXattrs: options.copyXattrs,
      root: options.root,
    };
    this.#worker.postMessage(order);
  }

  /** Copies into a file system. */
  run(sink: TreeSink): PopulateResult {
    if (this.#channel === undefined) {
      return populate(treeSource(this.directory, this.#exclude), sink, this.options);
    }
    const reader = new ChannelReader(this.#channel);
    replayStream(reader, sink, this.directory, this.options);
    return JSON.parse(reader.text) as PopulateResult;
  }

  /** Ends the thread. */
  close(): void {
    this.#worker?.terminate();
  }
}

/** Whether a tree has many nodes; looks at directories only, and stops as soon as it knows. */
function isLarge(directory: string): boolean {
  let nodes = 0;
  const pending = [directory];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const descriptor = open(path, O_RDONLY | O_DIRECTORY);
    try {
      for (const { name, type } of readNames(descriptor)) {
        if (type === DT_DIR) pending.push(`${path}/${new TextDecoder().decode(name)}`);
        if (++nodes >= LARGE_TREE) return true;
      }
    } catch {
      return false;
    } finally {
      close(descriptor);
    }
  }
  return false;
}
