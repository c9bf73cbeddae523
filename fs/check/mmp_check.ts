/**
 * The multiple mount protection block.
 *
 * @module
 */

import { crc32c } from "../layout/crc32c.ts";
import { Incompat } from "../layout/features.ts";
import { MMP_BYTES, MMP_MAGIC, MMP_SEQUENCE_CLEAN, MMP_SEQUENCE_MAX } from "../layout/mmp.ts";
import type { CheckContext } from "./context.ts";

/** Checks the block, and tells when somebody may be using the file system. */
export function checkMmp(check: CheckContext): void {
  const { superblock, geometry, findings, reader, seed } = check;
  if (!superblock.hasIncompat(Incompat.MMP)) return;
  const block = superblock.mmpBlock;
  if (block <= geometry.firstDataBlock || block >= geometry.blocksCount) {
    findings.add("mmp_block", {}, block);
    return;
  }
  const bytes = reader.buffer();
  if (!reader.read(block, bytes)) return;
  const view = new DataView(bytes.buffer);
  const where = { block };
  if (view.getUint32(0, true) !== MMP_MAGIC) {
    findings.add("mmp_magic", where, `0x${view.getUint32(0, true).toString(16)}`);
    return;
  }
  const end = MMP_BYTES - 4;
  if (seed !== undefined && view.getUint32(end, true) !== crc32c(seed, bytes, 0, end)) {
    findings.add("mmp_checksum", where);
  }
  const sequence = view.getUint32(4, true);
  if (sequence === MMP_SEQUENCE_CLEAN) return;
  const code = sequence > MMP_SEQUENCE_MAX ? "mmp_sequence" : "mmp_in_use";
  findings.add(code, where, `mmp_seq 0x${sequence.toString(16)}`);
}
