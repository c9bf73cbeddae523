/**
 * Memory in which transactions wait to be written to the log.
 *
 * @module
 */

/** A piece of memory for one transaction. */
export interface StagingArea {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Areas grow in steps of this many bytes, so that one fits transactions of about its size. */
const STEP_BYTES = 256 << 10;
/** Idle areas that are kept: one is written while the next is filled. */
const KEPT_AREAS = 2;

/** Staging areas, used again and again. */
export class Staging {
  readonly #idle: StagingArea[] = [];

  /** An area of at least `bytes` bytes; what it holds is left from earlier. */
  take(bytes: number): StagingArea {
    const index = this.#idle.findIndex((area) => area.bytes.length >= bytes);
    const found = index < 0 ? undefined : this.#idle.splice(index, 1)[0];
    if (found !== undefined) return found;
    this.#idle.shift();
    const memory = new Uint8Array(Math.ceil(bytes / STEP_BYTES) * STEP_BYTES);
    return { bytes: memory, view: new DataView(memory.buffer) };
  }

  /** Nothing refers to the area any more. */
  give(area: StagingArea): void {
    if (this.#idle.length < KEPT_AREAS) this.#idle.push(area);
  }
}
