/**
 * How a FUSE server behaves towards the kernel.
 *
 * @module
 */

import type { OperationGroup } from "./operations/operation.ts";

/** Options of a server; all have defaults. */
export interface ServerOptions {
  /** The largest write (and read) in bytes: a multiple of 4096, at most 1 MiB, which is the default. */
  readonly maxWriteBytes?: number;
  /** How long the kernel may keep attributes that `getattr` and `setattr` answered. Default 1000. */
  readonly attributesValidMs?: number;
  /**
   * Nobody changes the files but through this server, so the kernel may keep their data until it is
   * told otherwise. Default true; with false it looks at size and time of change.
   */
  readonly onlyWriter?: boolean;
  /**
   * Let the kernel gather writes before it sends them. Default false: with it an error such as ENOSPC
   * reaches close(2) or fsync(2), not the write(2) that met it.
   */
  readonly writeback?: boolean;
  /** Let the file system check ACLs' existence and inherit them (FUSE_POSIX_ACL). Default true. */
  readonly posixAcl?: boolean;
  /** Let the kernel ask for attributes with a directory's names. Default true. */
  readonly readdirplus?: boolean;
  /** Let files that bypass the cache be mapped (DIRECT_IO_ALLOW_MMAP). Default true. */
  readonly allowMmap?: boolean;
  /** The server clears set-id bits (HANDLE_KILLPRIV_V2). Default true. */
  readonly killpriv?: boolean;
  /** `lookup` answers `.` and `..` for every node number ever given: NFS export. Default false. */
  readonly exportSupport?: boolean;
  /** The mount may be id-mapped; `Caller.uid` then holds only for requests that create. Default false. */
  readonly allowIdmap?: boolean;
  /** How many requests in the background (read-ahead, asynchronous I/O) may be under way. Default 64. */
  readonly maxBackground?: number;
  /** Further capabilities to ask for, by number of the bit. */
  readonly capabilities?: readonly number[];
  /** The alignment of DAX mappings, as log2 of bytes; told to the kernel with MAP_ALIGNMENT. Default 0. */
  readonly mapAlignment?: number;
  /** Operations in addition to, or in place of, those of the table. */
  readonly operations?: OperationGroup;
  /** Called before the file system's `destroy`: the last moment in which it can be used. */
  readonly beforeEnd?: () => void;
  /** Is given a line for every request. */
  readonly trace?: (line: string) => void;
}

/** The options with defaults filled in. */
export type ServerSettings = Readonly<Required<Omit<ServerOptions, "trace" | "beforeEnd">>> & {
  readonly beforeEnd: (() => void) | undefined;
  readonly trace: ((line: string) => void) | undefined;
};

/** The largest write that a server may offer, in bytes. */
export const LARGEST_WRITE_BYTES = 1024 * 1024;

/** Fills in the defaults. Throws RangeError for a size that cannot be. */
export function serverSettings(options: ServerOptions): ServerSettings {
  const maxWriteBytes = options.maxWriteBytes ?? LARGEST_WRITE_BYTES;
  if (maxWriteBytes < 4096 || maxWriteBytes > LARGEST_WRITE_BYTES || maxWriteBytes % 4096 !== 0) {
    throw new RangeError(`maxWriteBytes ${maxWriteBytes}: not a multiple of 4096 up to 1 MiB`);
  }
  return {
    maxWriteBytes,
    attributesValidMs: options.attributesValidMs ?? 1000,
    onlyWriter: options.onlyWriter ?? true,
    writeback: options.writeback ?? false,
    posixAcl: options.posixAcl ?? true,
    readdirplus: options.readdirplus ?? true,
    allowMmap: options.allowMmap ?? true,
    killpriv: options.killpriv ?? true,
    exportSupport: options.exportSupport ?? false,
    allowIdmap: options.allowIdmap ?? false,
    maxBackground: options.maxBackground ?? 64,
    capabilities: options.capabilities ?? [],
    mapAlignment: options.mapAlignment ?? 0,
    operations: options.operations ?? {},
    beforeEnd: options.beforeEnd,
    trace: options.trace,
  };
}
