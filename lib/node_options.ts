/**
 * Choices that several operations share.
 *
 * @module
 */

/** For operations on a node that a path leads to. */
export interface NodeOptions {
  /** Work on a symbolic link itself when the path ends with one. Default false. */
  readonly noFollow?: boolean;
}

/** For operations that make a node. */
export interface ModeOptions {
  /** Permission bits, taken as they are: there is no umask. */
  readonly mode?: number;
}
