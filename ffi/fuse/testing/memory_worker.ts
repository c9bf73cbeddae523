/**
 * The Worker in which the tests serve the file system in memory: it is sent a descriptor and options,
 * answers "ready", and at the end what happened.
 *
 * @module
 */

import { IoThread } from "../../io/io_thread.ts";
import { FuseSession } from "../session.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** What the Worker is sent. */
export interface ServeRequest {
  readonly descriptor: number;
  readonly stopEvent: number;
  readonly deferSyncs: boolean;
  readonly trace: boolean;
  readonly writeback: boolean;
  /** Start a thread for notices. */
  readonly notices?: boolean;
  readonly spinLimit?: number;
}

/** What the Worker answers at the end. */
export interface ServeReport {
  readonly end: string;
  readonly destroyed: number;
  readonly calls: ReadonlyMap<string, number>;
  readonly minor: number;
  readonly nodesLeft: number;
}

self.addEventListener("message", async (event: MessageEvent<ServeRequest>) => {
  const { descriptor, stopEvent, deferSyncs, trace, writeback, spinLimit } = event.data;
  const fileSystem = new MemoryFileSystem();
  if (deferSyncs) fileSystem.deferredSyncs = [];
  const noticeThread = event.data.notices === true ? await IoThread.start() : undefined;
  const session = new FuseSession(descriptor, fileSystem, {
    stopEvent,
    writeback,
    spinLimit,
    noticeThread,
    attributesValidMs: 60_000,
    onReady: () => self.postMessage("ready"),
    trace: trace ? (line) => console.error(line) : undefined,
  });
  const end = session.run();
  noticeThread?.close();
  const report: ServeReport = {
    end,
    destroyed: fileSystem.destroyed,
    calls: fileSystem.calls,
    minor: fileSystem.connection?.minor ?? 0,
    nodesLeft: fileSystem.tree.nodes.size,
  };
  self.postMessage(report);
  self.close();
});
