/** Moving a file's content from the inode to blocks. @module */

import type { Handle } from "../journal/transaction.ts";
import { initialiseMap } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { clearInline, restoreInline } from "../xattr/inline_data.ts";
import type { Engine } from "./engine.ts";
import { writeBlocks } from "./write.ts";

/**
 * Gives a file with inline content blocks instead.
 * @returns 0, or a negated errno with nothing changed.
 */
export function convertInline(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  privileged: boolean,
): number {
  const content = clearInline(engine.alloc, handle, inode);
  initialiseMap(inode, engine.hasExtents);
  engine.dirty(handle, inode);
  if (content.length === 0) return 0;
  const written = writeBlocks(engine, handle, inode, 0, content, privileged);
  if (written >= 0) return 0;
  restoreInline(engine.alloc, handle, inode, content);
  return written;
}
