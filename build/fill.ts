/** Making a file system and filling it in one go. @module */

import type { BlockDevice } from "../fs/device/device.ts";
import { Incompat } from "../fs/layout/features.ts";
import { bulkFill } from "../fs/mkfs/bulk_sink.ts";
import { format, type FormatResult, planFormat } from "../fs/mkfs/format.ts";
import type { FormatOptions } from "../fs/mkfs/options.ts";
import type { PopulateResult, TreeSink } from "../fs/mkfs/populate.ts";

/** Features with which the engine has to fill the file system, after it was made. */
const NEEDS_ENGINE = Incompat.INLINE_DATA | Incompat.EA_INODE;

/** Makes a file system on a device. @param copy puts files into it. */
export async function formatFilled(
  device: BlockDevice,
  options: FormatOptions,
  copy: (sink: TreeSink) => PopulateResult,
): Promise<readonly [FormatResult, PopulateResult | undefined]> {
  const plan = planFormat(device.sizeBytes, options);
  if (!plan.superblock.hasIncompat(NEEDS_ENGINE)) {
    let copied: PopulateResult | undefined;
    const fill = bulkFill((sink) => copied = copy(sink));
    return [format(device, { ...options, fill }), copied];
  }
  const { EngineSink } = await import("../fs/mkfs/engine_sink.ts");
  const result = format(device, options);
  const sink = new EngineSink(device, result.superblock.writeTime);
  const copied = copy(sink);
  sink.finish();
  result.superblock.bytes.set(sink.superblock.bytes);
  return [result, copied];
}
