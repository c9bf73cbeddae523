/**
 * FUSE for Deno: mounting, the protocol and its server, and devices in files. A package of its own that
 * knows nothing of any file system's format.
 *
 * Open a device with `openFileDevice`, mount with `mountFuse`, serve with `FuseSession`. A file system
 * implements `FileSystem`.
 *
 * @module
 */

export * from "./fuse/port.ts";
export * from "./fuse/abi.ts";
export type { ServerOptions } from "./fuse/options.ts";
export { emptyAttributes, emptyCaller, emptyEntry } from "./fuse/records.ts";
export { Metrics, TIME_BUCKETS } from "./fuse/metrics.ts";
export { FuseServer, memoryNeeded } from "./fuse/server.ts";
export {
  type BackgroundWork,
  FuseSession,
  type SessionEnd,
  type SessionOptions,
} from "./fuse/session.ts";
export type { Transport } from "./fuse/transport.ts";
export { ANSWERED_LATER, VectorServer } from "./fuse/vector.ts";
export { type Exchange, NO_REPLY } from "./fuse/exchange.ts";
export type { Operation, OperationGroup } from "./fuse/operations/operation.ts";
export { FuseMount, mountFuse, setReadAhead, unmountFuse } from "./libfuse3/mount.ts";
export type { MountOptions } from "./libfuse3/options.ts";
export { FileDevice } from "./device/file_device.ts";
export { attachLoop, LoopDevice } from "./device/loop_device.ts";
export {
  createFileDevice,
  type CreateOptions,
  openFileDevice,
  type OpenOptions,
} from "./device/open.ts";
export { type IoDone, IoThread } from "./io/io_thread.ts";
export { IO_OPERATION, type IoRequest } from "./io/queue.ts";
export * from "./libc/mod.ts";
