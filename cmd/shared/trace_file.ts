/**
 * Traces of a mount in a file: a line of JSON first that says what it is, one for each request, one at the end.
 *
 * @module
 */

import type { RequestDetails } from "../../ffi/fuse/recording.ts";

/** What `trace.read` and `trace.stop` answer. */
export interface TracePart {
  /** Records of `ffi/fuse/recorder.ts`, in base64. */
  readonly records: string;
  /** Requests so far that were not recorded, for want of memory. */
  readonly lost: number;
}

/** The version of the format. */
export const TRACE_VERSION = 1;

/** The first line. */
export interface TraceHead {
  readonly kfsTrace: number;
  readonly started: string;
  readonly image: string;
  readonly mountPoint: string;
}

/** A request. */
export interface TraceLine extends RequestDetails {
  /** Microseconds since the trace began. */
  readonly at: number;
  readonly operation: string;
  readonly node: number;
  /** The node that the answer named. */
  readonly found?: number;
  /** Bytes of the answer, or the negated errno. */
  readonly result: number;
  /** Microseconds until it was answered. */
  readonly took: number;
  readonly callerUid: number;
  readonly callerPid: number;
}

/** The last line. */
export interface TraceTail {
  readonly ended: string;
  readonly microseconds: number;
  readonly lost: number;
  /** Paths of nodes that no request of the trace names, as they were at its end. */
  readonly paths: Readonly<Record<string, string>>;
}
