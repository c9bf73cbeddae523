/** A run of disk blocks. @module */

export interface BlockRun {
  readonly start: number;
  readonly blocks: number;
}
