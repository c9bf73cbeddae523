/**
 * The thread that reads the directory of `mkfs -d`, while the main thread makes the file system.
 *
 * @module
 */

import { type NodeAttributes, populate } from "../../fs/mkfs/populate.ts";
import { StreamSink } from "../../fs/mkfs/tree_stream.ts";
import { errorLine } from "../shared/command_error.ts";
import { type Excluded, treeSource } from "../shared/tree_source.ts";
import { ChannelWriter } from "./tree_channel.ts";

/** What the thread is told. */
export interface TreeOrder {
  readonly channel: SharedArrayBuffer;
  readonly directory: string;
  readonly exclude: Excluded | undefined;
  readonly copyXattrs: boolean;
  readonly root: NodeAttributes;
}

function work(order: TreeOrder): void {
  const writer = new ChannelWriter(order.channel);
  try {
    const source = treeSource(order.directory, order.exclude);
    const { copyXattrs, root } = order;
    const result = populate(source, new StreamSink(writer), { copyXattrs, root });
    writer.finish(JSON.stringify(result));
  } catch (error) {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    writer.fail(errorLine(error) ?? text);
  }
}

self.onmessage = (event: MessageEvent<TreeOrder>) => work(event.data);
