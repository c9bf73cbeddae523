/** `kfsctl ls TARGET [PATH]`: lists a directory of an image or a mount. @module */

import type { FileInfo } from "../../mod.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import { COMMON_OPTIONS, JSON_OPTION, operandsOf, STATUSES } from "./open_image.ts";
import { openTree, type Tree } from "./tree.ts";
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
    summary: "Lists a directory (or one file) of an image, without mounting it, or of a mount.",
    operands: "TARGET [PATH]",
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
  const [path, where = "/"] = operandsOf(line, 0, 1, "kfsctl ls TARGET [PATH]");
  using opened = openTree(line, path);
  const nodes = list(opened.tree, opened.pathOf(where), line.has("R"))
    .filter(({ path }) => line.has("a") || !/(^|\/)\./.test(path));
  if (line.has("json")) console.log(JSON.stringify(nodes.map(plain), undefined, 2));
  else if (nodes.length > 0) console.log(text(nodes, line.has("l"), line.has("i")));
  return 0;
}

function list(tree: Tree, root: string, recursive: boolean): Listed[] {
  const look = (full: string, path: string, bytes: string | Uint8Array): Listed => {
    const info = tree.lstat(bytes);
    return { path, info, ...(info.isSymlink ? { target: tree.readLink(full) } : {}) };
  };
  if (!tree.lstat(root).isDirectory) return [look(root, root, root)];
  const nodes: Listed[] = [];
  for (const { path, name, pathBytes } of tree.walk(root, recursive ? {} : { maxDepth: 1 })) {
    const shown = recursive ? path.slice(root.length).replace(/^\//, "") : name;
    nodes.push(look(path, shown, pathBytes));
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
