/** `kfsctl stat TARGET PATH…`: everything that an inode says of itself. @module */

import { type FileInfo, InodeFlag } from "../../mod.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import { COMMON_OPTIONS, JSON_OPTION, operandsOf, STATUSES } from "./open_image.ts";
import { openTree, type Tree } from "./tree.ts";
import { deviceText, kindOf, modeText, printable } from "./printable.ts";

export const STAT: Subcommand = {
  spec: {
    name: "kfsctl stat",
    summary: "Shows the attributes of files in an image, without mounting it, or in a mount.",
    operands: "TARGET [PATH…]",
    options: [JSON_OPTION, ...COMMON_OPTIONS],
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const most = Number.POSITIVE_INFINITY;
  const [path, ...files] = operandsOf(line, 0, most, "kfsctl stat TARGET [PATH…]");
  using opened = openTree(line, path);
  const { tree, pathOf } = opened;
  const nodes = (files.length === 0 ? ["/"] : files).map((name) => describe(tree, pathOf(name)));
  if (line.has("json")) console.log(JSON.stringify(nodes, undefined, 2));
  else console.log(nodes.map(text).join("\n\n"));
  return 0;
}

type Description = ReturnType<typeof describe>;

function describe(tree: Tree, path: string) {
  const info = tree.lstat(path);
  const flags = info.isSymlink ? 0 : tree.getFlags(path);
  const noFollow = { noFollow: true };
  return {
    path,
    kind: kindOf(info),
    ino: info.ino,
    mode: (info.mode & 0o7777).toString(8).padStart(4, "0"),
    modeText: modeText(info.mode),
    nlink: info.nlink,
    uid: info.uid,
    gid: info.gid,
    size: info.size,
    sectors: info.blocks,
    ...(info.isCharDevice || info.isBlockDevice ? { device: deviceText(info.rdev) } : {}),
    ...(info.isSymlink ? { target: tree.readLink(path) } : {}),
    atime: preciseTime(info.atime, info.atimeNsec),
    mtime: preciseTime(info.mtime, info.mtimeNsec),
    ctime: preciseTime(info.ctime, info.ctimeNsec),
    ...(info.birthtime === null ? {} : { birthtime: birthtime(info) }),
    flags: flagNames(flags),
    xattrs: xattrs(tree, path, noFollow),
  };
}

function birthtime(info: FileInfo): string {
  return preciseTime(info.birthtime ?? new Date(0), info.birthtimeNsec);
}

function preciseTime(time: Date, nanoseconds: number): string {
  return `${time.toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, "0")}Z`;
}

function flagNames(flags: number): string[] {
  return Object.entries(InodeFlag).filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name.toLowerCase());
}

/** Values as text where they are text, else in hexadecimal. */
function xattrs(
  tree: Tree,
  path: string,
  options: { noFollow: boolean },
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of tree.listXattrs(path, options)) {
    const value = tree.getXattr(path, name, options) ?? new Uint8Array(0);
    const isText = value.every((byte) => byte >= 0x20 && byte < 0x7f);
    found[name] = isText
      ? new TextDecoder().decode(value)
      : `0x${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  return found;
}

function text(node: Description): string {
  const lines = [
    `${printable(node.path)}${
      "target" in node && node.target !== undefined ? ` -> ${printable(node.target)}` : ""
    }`,
    `  ${node.kind}, inode ${node.ino}, ${node.nlink} link${node.nlink === 1 ? "" : "s"}`,
    `  ${node.modeText} (${node.mode}), owner ${node.uid}, group ${node.gid}`,
    "device" in node && node.device !== undefined
      ? `  device ${node.device}`
      : `  ${node.size} bytes, ${node.sectors} sectors of 512 bytes`,
    `  accessed ${node.atime}`,
    `  modified ${node.mtime}`,
    `  changed  ${node.ctime}`,
  ];
  if ("birthtime" in node) lines.push(`  made     ${node.birthtime}`);
  if (node.flags.length > 0) lines.push(`  flags    ${node.flags.join(", ")}`);
  for (const [name, value] of Object.entries(node.xattrs)) {
    lines.push(`  ${printable(name)}=${printable(value)}`);
  }
  return lines.join("\n");
}
