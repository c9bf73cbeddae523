/** `kfsctl put IMAGE SOURCE… PATH`: copies files into an image. @module */

import type { Image } from "../../mod.ts";
import { statusOf } from "../../ffi/libc/status.ts";
import { parseNumber } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { CopyChoices } from "../shared/copy_sink.ts";
import { imageTarget } from "../shared/copy_targets.ts";
import { type Excluded, namedSources, treeSource } from "../shared/tree_source.ts";
import type { Subcommand } from "./commands.ts";
import {
  copy,
  COPY_OPTIONS,
  type CopySource,
  copySource,
  destinationOf,
  isDirectoryMode,
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

const MOST_ID = 0xfffffffe;
const encoder = new TextEncoder();

export const PUT: Subcommand = {
  spec: {
    name: "kfsctl put",
    summary: "Copies files of the host into an image, without mounting it.",
    operands: "IMAGE SOURCE… PATH",
    options: [
      ...COPY_OPTIONS,
      {
        name: "owner",
        value: "UID[:GID]",
        help: "who owns the copies (root, or with -p as before)",
      },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
    notes: "PATH is a directory in the image, or a new name for one file or directory.\n" +
      "SOURCE/. stands for what is in a directory. Holes stay holes, links to one file stay links.",
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const most = Number.POSITIVE_INFINITY;
  const [path, ...rest] = operandsOf(line, 2, most, "kfsctl put IMAGE SOURCE… PATH");
  const destinationText = absolute(rest.pop() ?? "");
  const owner = ownerOf(line.last("owner"));
  const contents = rest.length === 1 && rest.every(meansContents);
  const { ino, deviceMajor, deviceMinor } = statusOf(path, true);
  const exclude = { ino, deviceMajor, deviceMinor };
  const sources = rest.map((name) => sourceOf(line, name, contents, exclude));
  using image = openImage(line, path, false);
  const destination = destinationOf(
    destinationText,
    sources.length,
    contents,
    (path) => isImageDirectory(image, path),
  );
  const nodes = contents
    ? [treeSource(sources[0]?.path ?? "", exclude)]
    : namedSources(sources.map((source) => encoder.encode(source.path)), exclude);
  const totalBytes = (): number =>
    sources.reduce((sum, source) => sum + bytesBelow(source.path), 0);
  const target = imageTarget(image);
  const order = { sources, nodes, contents, destination, target, line, totalBytes };
  tellCopied(line, copy(owner === undefined ? order : { ...order, owner }, "Copying"));
  return 0;
}

function ownerOf(text: string | undefined): CopyChoices["owner"] {
  if (text === undefined) return undefined;
  const [uid = "", gid = uid, ...others] = text.split(":");
  if (others.length > 0) throw new CommandError(`--owner: ${text} is not UID or UID:GID`);
  return {
    uid: parseNumber(uid, "--owner", 0, MOST_ID),
    gid: parseNumber(gid, "--owner", 0, MOST_ID),
  };
}

/** Links are followed only when there is no `-r`, as cp does. */
function sourceOf(
  line: CommandLine,
  name: string,
  contents: boolean,
  image: Excluded,
): CopySource {
  const follow = contents || !line.has("r");
  const { mode, ino, deviceMajor, deviceMinor } = statusOf(name, follow);
  mustMayCopy(line, name, isDirectoryMode(mode));
  const same = ino === image.ino && deviceMajor === image.deviceMajor &&
    deviceMinor === image.deviceMinor;
  if (same) throw new CommandError(`${name} is the image itself`);
  return copySource(name, follow, Deno.realPathSync);
}

function bytesBelow(path: string): number {
  const { mode, blocks } = statusOf(path);
  if (!isDirectoryMode(mode)) return blocks * 512;
  let bytes = 0;
  for (const entry of Deno.readDirSync(path)) {
    const below = `${path}/${entry.name}`;
    if (entry.isDirectory) bytes += bytesBelow(below);
    else if (entry.isFile) bytes += statusOf(below).blocks * 512;
  }
  return bytes;
}

function isImageDirectory(image: Image, path: string): boolean | undefined {
  return image.exists(path) ? image.stat(path).isDirectory : undefined;
}
