/**
 * What mkfs puts into the image: loaded from its sources before the target is touched.
 *
 * @module
 */

import { ImageContent } from "../../build/content.ts";
import { loadTree } from "../../build/load.ts";
import { DEFAULT_EPOCH } from "../../build/reproducible.ts";
import { chunksOf } from "../../build/tar_input.ts";
import type { BlockDevice } from "../../fs/device/device.ts";
import type { PopulateResult, TreeSink } from "../../fs/mkfs/populate.ts";
import { CommandError } from "../shared/command_error.ts";
import type { Request } from "./read_options.ts";

const MAX_DIFFERENCES = 10;

/** Something that fills a file system. */
export interface Copy {
  run(sink: TreeSink): PopulateResult;
}

/** The time that everything is made at: chosen by SOURCE_DATE_EPOCH, or by --reproducible. */
export function epochOf(request: Request, sourceDateEpoch: number | undefined): number | undefined {
  return sourceDateEpoch ?? (request.build.reproducible ? DEFAULT_EPOCH : undefined);
}

/** Reads all sources. @throws BuildError, SystemError, CommandError */
export async function loadContent(
  request: Request,
  nowSeconds: number,
  epochSeconds: number | undefined,
  progress: (step: string, done: number, total: number) => void,
): Promise<ImageContent> {
  const { build, copyXattrs, format, path } = request;
  const warn = (message: string): void => console.error(`mkfs: warning: ${message}`);
  const loaded = await loadTree({
    ...build,
    from: build.from.map((source) => source === "-" ? chunksOf(Deno.stdin) : source),
    extra: build.extraFiles.map((name) => ({ name, text: readTable(name) })),
    nowSeconds,
    ...(epochSeconds === undefined ? {} : { epochSeconds }),
    leaveOut: [path, ...(build.manifest === undefined ? [] : [build.manifest])],
    imagePath: path,
    warn,
  });
  const digests = build.manifest !== undefined || build.verify;
  return new ImageContent(loaded, { copyXattrs, digests, warn, progress }, format);
}

function readTable(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    throw new CommandError(`--extra: ${path} cannot be read`);
  }
}

/** Compares the image with what was put in. @throws CommandError after telling the first differences */
export function mustVerify(content: ImageContent, device: BlockDevice): void {
  const differences = content.differences(device);
  if (differences.length === 0) return;
  for (const line of differences.slice(0, MAX_DIFFERENCES)) console.error(`mkfs: verify: ${line}`);
  throw new CommandError(`the image differs from its sources in ${differences.length} places`);
}

/** Writes the manifest. @throws CommandError */
export function writeManifest(content: ImageContent, path: string): void {
  const manifest = content.manifest();
  try {
    Deno.writeTextFileSync(path, `${JSON.stringify(manifest, null, 1)}\n`);
  } catch {
    throw new CommandError(`--manifest: ${path} cannot be written`);
  }
}
