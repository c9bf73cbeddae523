/**
 * The C library's calls, for programs on this package.
 *
 * @module
 */

export * from "./constants.ts";
export { ERRNO, errnoName, errnoText } from "./errno.ts";
export { SystemError } from "./error.ts";
export * from "./block_device.ts";
export * from "./clock.ts";
export * from "./directory.ts";
export * from "./event.ts";
export * from "./file.ts";
export * from "./io_vector.ts";
export * from "./memory.ts";
export * from "./mount.ts";
export * from "./pieces.ts";
export type { Path } from "./path.ts";
export * from "./poll_set.ts";
export * from "./socket.ts";
export * from "./status.ts";
export * from "./xattr.ts";
