/** `kfsctl ls IMAGE [PATH]`: lists a directory of an image. @module */

import type { FileInfo, Image } from "../../mod.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import {
  absolute,
  COMMON_OPTIONS,
  JSON_OPTION,
  openImage,
  operandsOf,
  STATUSES,
} from "./open_image.ts";
import { columns, deviceText, kindOf, modeText, printable, timeText } from "./printable.ts";

/** One node that is shown. */
interface Listed {
  readonly path: string;
  readonly info: FileInfo;
  readonly target?: string;
}

export const LS: Subcommand = {
  spec: {
    name: "kfsctl ls",
    summary: "Lists a directory of an image (or one file), without mounting it.",
    operands: "IMAGE [PATH]",
    options: [
      { letter: "l", help: "mode, links, owner, size, time" },
      { letter: "a", help: "names that begin with a dot, too" },
      { letter: "R", help: "everything below, with paths" },
      { letter: "i", help: "inode numbers" },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const [path, where = "/"] = operandsOf(line, 0, 1, "kfsctl ls IMAGE [PATH]");
  using image = openImage(line, path, true);
  const nodes = list(image, absolute(where), line.has("R"))
    .filter(({ path }) => line.has("a") || !/(^|\/)\./.test(path));
  if (line.has("json")) console.log(JSON.stringify(nodes.map(plain), undefined, 2));
  else if (nodes.length > 0) console.log(text(nodes, line.has("l"), line.has("i")));
  return 0;
}

function list(image: Image, root: string, recursive: boolean): Listed[] {
  const look = (full: string, path: string): Listed => {
    const info = image.lstat(full);
    return { path, info, ...(info.isSymlink ? { target: image.readLink(full) } : {}) };
  };
  if (!image.lstat(root).isDirectory) return [look(root, root)];
  const nodes: Listed[] = [];
  for (const entry of image.walk(root, recursive ? {} : { maxDepth: 1 })) {
    nodes.push(
      look(entry.path, recursive ? entry.path.slice(root.length).replace(/^\//, "") : entry.name),
    );
  }
  return nodes.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}

function text(nodes: readonly Listed[], long: boolean, numbers: boolean): string {
  const name = ({ path, target }: Listed): string =>
    printable(path) + (long && target !== undefined ? ` -> ${printable(target)}` : "");
  const rows = nodes.map((node) => {
    const { info } = node;
    const isDevice = info.isCharDevice || info.isBlockDevice;
    const details = long
      ? [
        modeText(info.mode),
        String(info.nlink),
        String(info.uid),
        String(info.gid),
        isDevice ? deviceText(info.rdev) : String(info.size),
        timeText(info.mtime),
      ]
      : [];
    return [...(numbers ? [String(info.ino)] : []), ...details, name(node)];
  });
  const first = numbers ? 1 : 0;
  const right = new Set([1, 2, 3, 4].map((column) => column + first));
  if (numbers) right.add(0);
  return columns(rows, right);
}

function plain({ path, info, target }: Listed): unknown {
  return {
    path,
    kind: kindOf(info),
    ino: info.ino,
    mode: (info.mode & 0o7777).toString(8).padStart(4, "0"),
    nlink: info.nlink,
    uid: info.uid,
    gid: info.gid,
    size: info.size,
    mtime: info.mtime,
    ...(target === undefined ? {} : { target }),
  };
}
