/**
 * Where an entry was found.
 *
 * @module
 */

const NO_NAME = new Uint8Array(0);

/** Filled by `find`, used by the change that follows in the same operation. Made once and used again. */
export class DirSlot {
  /** Inode that the entry names. */
  ino = 0;
  /** file_type of the entry, 0 without the filetype feature. */
  fileType = 0;
  /** File block of the directory, or INLINE_HEAD, INLINE_REST. */
  fileBlock = 0;
  /** Byte offset of the entry in its block, or in the inode's bytes. */
  offset = 0;
  /**
   * The name that was looked for: must stay as it is until the change is made. In a directory that disregards case, the
   * name that the entry has.
   */
  name: Uint8Array = NO_NAME;
  /** The context's generation when it was found: a slot from before a change is found again by its name. */
  generation = -1;
}
