/** What kfsctl and a mount tell one another of snapshots. @module */

/** A snapshot, as JSON has it. */
export interface SnapshotRow {
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly number: number;
  /** Bytes in use when it was made. */
  readonly used: number;
  readonly damaged: boolean;
  /** Bytes that it holds, and those that it holds alone; where they were asked for. */
  readonly held?: number;
  readonly alone?: number;
}
