/** The volume's name. @module */

import { EINVAL } from "../errno.ts";
import type { Engine } from "./engine.ts";

const LABEL_OFFSET = 0x78;
const LABEL_BYTES = 16;

/** Sets the label. @param label up to 16 bytes. @returns 0 or -EINVAL. */
export function setLabel(engine: Engine, label: Uint8Array): number {
  if (label.length > LABEL_BYTES) return -EINVAL;
  const { superblock } = engine.volume;
  return engine.change(() => {
    const field = superblock.bytes.subarray(LABEL_OFFSET, LABEL_OFFSET + LABEL_BYTES).fill(0);
    field.set(label);
    engine.volume.touchSuperblock();
    return 0;
  });
}
