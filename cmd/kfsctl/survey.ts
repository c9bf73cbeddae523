/** Surveys of what the command line names. @module */

import { ERRNO } from "../../ffi/libc/errno.ts";
import { SystemError } from "../../ffi/libc/error.ts";
import type { Image } from "../../mod.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import { type Survey, SurveyBuilder, type SurveyedFile } from "../shared/survey.ts";
import { MountClient } from "./mount_client.ts";
import { offsetOf, openImage } from "./open_image.ts";
import { findTarget } from "./target.ts";
import { MountedTree } from "./tree.ts";

/** Looks at everything. @param cells into how many parts the disk is cut, at most. @param wanted files to name. */
export async function surveyOf(
  line: CommandLine,
  text: string,
  cells: number,
  wanted: number,
): Promise<Survey> {
  const target = findTarget(text, offsetOf(line));
  if (target.kind === "image") {
    using image = openImage(line, text, true);
    return surveyImage(image, cells, wanted);
  }
  const bar = new ProgressBar(!line.has("json"));
  using client = new MountClient(target.mountPoint);
  const survey = await client.runJob<Survey>("frag", { cells, wanted }, ({ done, total }) => {
    bar.update("Looking", done, total);
  });
  bar.clear();
  try {
    return { ...survey, worst: named(target.mountPoint, survey.worst) };
  } catch (error) {
    // Root may ask another user's mount, but not go about in it: numbers must do.
    if (error instanceof SystemError && error.errno === ERRNO.EACCES) return survey;
    throw error;
  }
}

function surveyImage(image: Image, cells: number, wanted: number): Survey {
  const builder = new SurveyBuilder(image.describe(), cells, wanted);
  const seen = new Set<number>();
  const add = (path: string | Uint8Array, shown: string, ino: number): void => {
    if (seen.has(ino)) return;
    seen.add(ino);
    const extents = image.extents(path);
    for (const extent of extents) builder.addExtent(extent);
    const bytes = extents.reduce((sum, { length }) => sum + length, 0);
    builder.addFile({ ino, path: shown, extents: extents.length, bytes });
  };
  add("/", "/", image.stat("/").ino);
  for (const { path, pathBytes, ino } of image.walk("/")) add(pathBytes, path, ino);
  for (const run of image.freeRuns()) builder.addFree(run);
  return builder.finish();
}

/** The mount tells numbers; the names are looked for through the mount. */
function named(mountPoint: string, files: readonly SurveyedFile[]): readonly SurveyedFile[] {
  const paths = new Map<number, string>();
  const wanted = new Set(files.map(({ ino }) => ino));
  if (wanted.size === 0) return files;
  using tree = new MountedTree(mountPoint);
  const see = (ino: number, path: string): void => {
    if (wanted.delete(ino)) paths.set(ino, path);
  };
  see(tree.lstat("/").ino, "/");
  for (const { ino, path } of tree.walk("/", {})) {
    see(ino, path);
    if (wanted.size === 0) break;
  }
  return files.map((file) => ({ ...file, path: paths.get(file.ino) ?? `inode ${file.ino}` }));
}
