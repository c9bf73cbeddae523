/**
 * The name that was last looked for in vain. A program's "make this file" comes here as two requests, a
 * lookup and the making, and the second need not search again.
 *
 * @module
 */

import { MAX_NAME_BYTES } from "../layout/dirent.ts";

/** One name in one directory, as long as no directory changes. */
export class AbsentName {
  #directory = 0;
  #generation = -1;
  #length = 0;
  readonly #bytes = new Uint8Array(MAX_NAME_BYTES);

  /** Notes that `directory` (an inode number) had no such name at `generation` of the directories. */
  note(directory: number, generation: number, name: Uint8Array): void {
    const { length } = name;
    if (length > MAX_NAME_BYTES) return;
    this.#directory = directory;
    this.#generation = generation;
    this.#length = length;
    for (let i = 0; i < length; i++) this.#bytes[i] = name[i] as number;
  }

  /** Whether this is the name noted, and nothing has changed since. */
  is(directory: number, generation: number, name: Uint8Array): boolean {
    const { length } = name;
    if (directory !== this.#directory || generation !== this.#generation) return false;
    if (length !== this.#length) return false;
    for (let i = length - 1; i >= 0; i--) if (name[i] !== this.#bytes[i]) return false;
    return true;
  }
}
