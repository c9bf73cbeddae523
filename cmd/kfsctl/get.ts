/** `kfsctl get IMAGE PATH… DESTINATION`: copies files out of an image. @module */

import type { Image } from "../../mod.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { hostTarget } from "../shared/copy_targets.ts";
import { imageSources } from "../shared/image_source.ts";
import type { Subcommand } from "./commands.ts";
import {
  copy,
  COPY_OPTIONS,
  type CopySource,
  copySource,
  destinationOf,
  meansContents,
  mustMayCopy,
  tellCopied,
} from "./copy_command.ts";
import {
  absolute,
  COMMON_OPTIONS,
  JSON_OPTION,
  openImage,
  operandsOf,
  STATUSES,
} from "./open_image.ts";

import { getTar, TAR_OPTIONS, wantsTar } from "./get_tar.ts";

const encoder = new TextEncoder();

export const GET: Subcommand = {
  spec: {
    name: "kfsctl get",
    summary: "Copies files out of an image, without mounting it.",
    operands: "IMAGE PATH… DESTINATION",
    options: [...TAR_OPTIONS, ...COPY_OPTIONS, JSON_OPTION, ...COMMON_OPTIONS],
    notes: "kfsctl get --all --tar IMAGE [-o FILE] writes everything as one tar archive.\n" +
      "DESTINATION is a directory that is there, or a new name for one file or directory.\n" +
      "PATH/. stands for what is in a directory. Holes stay holes, links to one file stay links.",
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  if (wantsTar(line)) return getTar(line);
  const most = Number.POSITIVE_INFINITY;
  const words = "kfsctl get IMAGE PATH… DESTINATION";
  const [path, ...rest] = operandsOf(line, 2, most, words);
  const destinationText = rest.pop() ?? "";
  using image = openImage(line, path, true);
  const contents = rest.length === 1 && rest.every(meansContents);
  const sources = rest.map((name) => sourceOf(line, image, name, contents));
  const destination = destinationOf(destinationText, sources.length, contents, isHostDirectory);
  const nodes = imageSources(image, sources.map(({ path }) => encoder.encode(path)));
  const totalBytes = (): number =>
    sources.reduce((sum, source) => sum + bytesBelow(image, source.path), 0);
  const target = hostTarget();
  tellCopied(
    line,
    copy({ sources, nodes, contents, destination, target, line, totalBytes }, "Copying"),
  );
  return 0;
}

/** Links are followed only when there is no `-r`, as cp does. */
function sourceOf(line: CommandLine, image: Image, name: string, contents: boolean): CopySource {
  const full = absolute(name);
  const follow = contents || !line.has("r");
  mustMayCopy(line, full, (follow ? image.stat(full) : image.lstat(full)).isDirectory);
  return copySource(full, follow, (path) => image.realPath(path));
}

function bytesBelow(image: Image, path: string): number {
  const info = image.lstat(path);
  if (!info.isDirectory) return info.blocks * 512;
  let bytes = 0;
  for (const { pathBytes, isFile } of image.walk(path)) {
    if (isFile) bytes += image.lstat(pathBytes).blocks * 512;
  }
  return bytes;
}

function isHostDirectory(path: string): boolean | undefined {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
