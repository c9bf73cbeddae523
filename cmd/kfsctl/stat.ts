/** `kfsctl stat IMAGE PATH…`: everything that an inode says of itself. @module */

import { type FileInfo, type Image, InodeFlag } from "../../mod.ts";
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
import { deviceText, kindOf, modeText, printable } from "./printable.ts";

export const STAT: Subcommand = {
  spec: {
    name: "kfsctl stat",
    summary: "Shows the attributes of files in an image, without mounting it.",
    operands: "IMAGE PATH…",
    options: [JSON_OPTION, ...COMMON_OPTIONS],
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const most = Number.POSITIVE_INFINITY;
  const [path, ...files] = operandsOf(line, 1, most, "kfsctl stat IMAGE PATH…");
  using image = openImage(line, path, true);
  const nodes = files.map((name) => describe(image, absolute(name)));
  if (line.has("json")) console.log(JSON.stringify(nodes, undefined, 2));
  else console.log(nodes.map(text).join("\n\n"));
  return 0;
}

type Description = ReturnType<typeof describe>;

function describe(image: Image, path: string) {
  const info = image.lstat(path);
  const flags = info.isSymlink ? 0 : image.getFlags(path);
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
    ...(info.isSymlink ? { target: image.readLink(path) } : {}),
    atime: preciseTime(info.atime, info.atimeNsec),
    mtime: preciseTime(info.mtime, info.mtimeNsec),
    ctime: preciseTime(info.ctime, info.ctimeNsec),
    ...(info.birthtime === null ? {} : { birthtime: birthtime(info) }),
    flags: flagNames(flags),
    xattrs: xattrs(image, path, noFollow),
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
  image: Image,
  path: string,
  options: { noFollow: boolean },
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of image.listXattrs(path, options)) {
    const value = image.getXattr(path, name, options) ?? new Uint8Array(0);
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
