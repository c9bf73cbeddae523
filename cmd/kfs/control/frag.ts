/** The job `frag`: how files and free space of a mount are fragmented. @module */

import { ESTALE } from "../../../fs/errno.ts";
import { FsError } from "../../../fs/errors.ts";
import { InodeFlag } from "../../../fs/layout/inode.ts";
import { ROOT_INODE } from "../../../fs/layout/superblock.ts";
import { describeVolume } from "../../../fs/ops/describe.ts";
import type { Engine } from "../../../fs/ops/engine.ts";
import { fileExtents } from "../../../fs/ops/file_extents.ts";
import type { Progress } from "../../shared/control_protocol.ts";
import { type Survey, SurveyBuilder } from "../../shared/survey.ts";
import type { ControlJob } from "./command.ts";

const MAX_CELLS = 65_536;
const MAX_WANTED = 100_000;
/** Inodes in one step. */
const STEP = 64;

/** Progress counts inodes. */
export const FRAG: ControlJob = {
  changes: false,
  *start({ engine }, args) {
    const cells = args.number("cells", 1, MAX_CELLS, 1024);
    const wanted = args.number("wanted", 0, MAX_WANTED, 10);
    // Until then, what was freed is not free.
    if (!engine.volume.readOnly) engine.volume.commit(false);
    return yield* survey(engine, new SurveyBuilder(describeVolume(engine), cells, wanted));
  },
};

function* survey(engine: Engine, builder: SurveyBuilder): Generator<Progress, Survey, void> {
  const { geometry, groups } = engine.volume;
  const total = geometry.inodesCount;
  for (let group = 0; group < geometry.groupCount; group++) {
    const first = group * geometry.inodesPerGroup + 1;
    yield { done: first, total };
    const used = geometry.inodesPerGroup - (groups.unusedInodes[group] ?? 0);
    for (let index = 0; index < used; index++) {
      if (index % STEP === STEP - 1) yield { done: first + index, total };
      if (!isFile(engine, first + index)) continue;
      for (const _ of addFile(engine, builder, first + index)) yield { done: first + index, total };
    }
    addFree(engine, builder, group);
  }
  return builder.finish();
}

/** What has names: no journal, no quota file, no value of an attribute. */
function isFile(engine: Engine, ino: number): boolean {
  const { superblock, inodes } = engine.volume;
  if (ino !== ROOT_INODE && ino < superblock.firstInode) return false;
  if (!engine.alloc.inodes.isUsed(ino)) return false;
  const inode = inodes.load(ino);
  return inode.links > 0 && !inode.has(InodeFlag.EA_INODE);
}

/** A yield every now and then. */
function* addFile(
  engine: Engine,
  builder: SurveyBuilder,
  ino: number,
): Generator<void, void, void> {
  let extents = 0;
  let bytes = 0;
  try {
    for (const extent of fileExtents(engine, ino)) {
      if (extent === undefined) {
        yield;
        continue;
      }
      builder.addExtent(extent);
      bytes += extent.length;
      extents++;
    }
  } catch (error) {
    // Deleted meanwhile.
    if (!(error instanceof FsError) || error.errno !== ESTALE) throw error;
  }
  builder.addFile({ ino, extents, bytes });
}

function addFree({ alloc, volume }: Engine, builder: SurveyBuilder, group: number): void {
  const { blockBytes } = volume.geometry;
  alloc.forEachFreeRun(group, 1, (diskBlock, blocks) => {
    builder.addFree({ deviceOffset: diskBlock * blockBytes, length: blocks * blockBytes });
  });
}
