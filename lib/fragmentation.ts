/**
 * How files and free space lie on the device.
 *
 * @module
 */

import { type FileExtent, fileExtents } from "../fs/ops/file_extents.ts";
import type { Core } from "./core.ts";
import type { Path } from "./path.ts";

export type { FileExtent };

/** A run of free space, in bytes. */
export interface FreeRun {
  readonly deviceOffset: number;
  readonly length: number;
}

/** The extents of a file, directory or long symbolic link, in the order of the file; neighbours are one. */
export function extents(core: Core, path: Path): FileExtent[] {
  return core.run("extents", path, () => {
    const found = [...fileExtents(core.engine, core.find(path, false))];
    return found.filter((extent) => extent !== undefined);
  });
}

/** The runs of free space in ascending order; they end where block groups do. */
export function* freeRuns(core: Core): Generator<FreeRun> {
  const { geometry } = core.engine.volume;
  for (let group = 0; group < geometry.groupCount; group++) {
    const runs: FreeRun[] = [];
    core.run(
      "freeRuns",
      core.name,
      () =>
        core.engine.alloc.forEachFreeRun(group, 1, (diskBlock, blocks) => {
          const { blockBytes } = core;
          runs.push({ deviceOffset: diskBlock * blockBytes, length: blocks * blockBytes });
        }),
    );
    yield* runs;
  }
}
