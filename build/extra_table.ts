/**
 * The table of extra files, modes and devices (`--extra`), in the manner of the kernel's gen_init_cpio:
 * one line each, words separated by blanks, `#` begins a comment.
 *
 *     dir   PATH MODE UID GID
 *     file  PATH SOURCE MODE UID GID           SOURCE: a file of the host
 *     text  PATH "CONTENT" MODE UID GID
 *     slink PATH TARGET UID GID
 *     link  PATH EXISTING                      a hard link
 *     nod   PATH MODE UID GID c|b MAJOR MINOR [COUNT]
 *     pipe  PATH MODE UID GID
 *     sock  PATH MODE UID GID
 *     attr  PATH MODE UID GID                  of something that is there; - leaves it as it is
 *     xattr PATH NAME VALUE                    VALUE: text, or 0x and hexadecimal digits
 *     remove PATH
 *
 * @module
 */

import { makeDevice } from "../fs/layout/device_number.ts";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../fs/layout/inode.ts";
import { BuildError } from "./build_error.ts";
import { mergeNode } from "./merge.ts";
import { MemoryContent } from "./tar_tree.ts";
import { type Tree, TreeNode } from "./tree.ts";

const MAX_ID = 0xfffffffe;
const MAX_COUNT = 65536;
const encoder = new TextEncoder();

/** What the table's commands work on. */
interface Work {
  readonly tree: Tree;
  /** Counts as a source behind all others. */
  readonly source: number;
  /** Line of the table, for errors. */
  readonly where: string;
}

type Command = (work: Work, words: readonly string[]) => void;

/** Commands with the least and largest number of words behind them. */
const COMMANDS: Readonly<Record<string, readonly [least: number, most: number, run: Command]>> = {
  dir: [4, 4, (work, [path, mode, uid, gid]) => make(work, path, S_IFDIR, mode, uid, gid)],
  file: [5, 5, (work, [path, source = "", mode, uid, gid]) => {
    make(work, path, S_IFREG, mode, uid, gid, readHostFile(work, source));
  }],
  text: [5, 5, (work, [path, content = "", mode, uid, gid]) => {
    make(work, path, S_IFREG, mode, uid, gid, encoder.encode(content));
  }],
  slink: [4, 4, (work, [path, target = "", uid, gid]) => {
    if (target === "") throw new BuildError(`${work.where}: the link has no target`);
    make(work, path, S_IFLNK, "777", uid, gid).target = encoder.encode(target);
  }],
  link: [2, 2, makeLink],
  nod: [7, 8, makeDevices],
  pipe: [4, 4, (work, [path, mode, uid, gid]) => make(work, path, S_IFIFO, mode, uid, gid)],
  sock: [4, 4, (work, [path, mode, uid, gid]) => make(work, path, S_IFSOCK, mode, uid, gid)],
  attr: [4, 4, setAttributes],
  xattr: [3, 3, setXattr],
  remove: [1, 1, removePath],
};

/**
 * Applies a table to a tree.
 * @param name of the table, for errors.
 * @throws BuildError naming the line.
 */
export function applyExtraTable(tree: Tree, text: string, name: string, source: number): void {
  text.split("\n").forEach((line, index) => {
    const where = `${name}: line ${index + 1}`;
    const words = splitLine(line, where);
    const [command, ...rest] = words;
    if (command === undefined) return;
    const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
    if (known === undefined) throw new BuildError(`${where}: there is no ${command}`);
    const [least, most, run] = known;
    if (rest.length < least || rest.length > most) {
      throw new BuildError(`${where}: ${command} with ${rest.length} words behind it`);
    }
    try {
      run({ tree, source, where }, rest);
    } catch (error) {
      if (!(error instanceof BuildError) || error.message.startsWith(where)) throw error;
      throw new BuildError(`${where}: ${error.message}`);
    }
  });
}

/** Words; in double quotes blanks are kept, and \n, \t, \\, \" and \xHH are characters. */
function splitLine(line: string, where: string): string[] {
  const words: string[] = [];
  const pattern = /\s+|#.*$|"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"]+)(?=\s|$)/gy;
  let at = 0;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    at = pattern.lastIndex;
    const [whole, quoted, plain] = match;
    if (quoted !== undefined) words.push(unescape(quoted));
    else if (plain !== undefined && !whole.startsWith("#")) words.push(plain);
  }
  if (at < line.length) throw new BuildError(`${where}: a quotation mark is missing`);
  return words;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "0": "\0" };

function unescape(text: string): string {
  return text.replaceAll(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) => {
    if (code.length === 3) return String.fromCharCode(parseInt(code.slice(1), 16));
    return ESCAPES[code] ?? code;
  });
}

function readHostFile({ where }: Work, path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch {
    throw new BuildError(`${where}: ${path} cannot be read`);
  }
}

function octal(work: Work, text: string | undefined): number {
  const value = /^[0-7]{1,5}$/.test(text ?? "") ? parseInt(text ?? "", 8) : -1;
  if (value >= 0 && value <= 0o7777) return value;
  throw new BuildError(`${work.where}: ${text} is not a mode such as 755`);
}

function decimal(work: Work, text: string | undefined, most = MAX_ID): number {
  const value = /^\d{1,10}$/.test(text ?? "") ? Number(text) : -1;
  if (value >= 0 && value <= most) return value;
  throw new BuildError(`${work.where}: ${text} is not a number from 0 to ${most}`);
}

/** Puts a node at a path. Directories above it are made as they are needed. */
function put(work: Work, path: string | undefined, node: TreeNode): void {
  const { tree, source, where } = work;
  const names = tree.split(encoder.encode(path));
  const name = names.pop();
  if (name === undefined) throw new BuildError(`${where}: the root can only be changed by attr`);
  const parent = tree.directory(names, true, source) ?? tree.root;
  mergeNode(tree, parent, name, node, source);
}

function make(
  work: Work,
  path: string | undefined,
  type: number,
  mode: string | undefined,
  uid: string | undefined,
  gid: string | undefined,
  content?: Uint8Array,
): TreeNode {
  const node = new TreeNode(type | octal(work, mode), work.tree.time);
  node.uid = decimal(work, uid);
  node.gid = decimal(work, gid);
  if (content !== undefined) {
    node.content = new MemoryContent(content);
    node.size = content.length;
  }
  put(work, path, node);
  return node;
}

function makeLink(work: Work, [path, existing]: readonly string[]): void {
  const found = nodeAt(work, existing);
  if (found.children !== undefined) {
    throw new BuildError(`${work.where}: ${existing} is a directory`);
  }
  put(work, path, found);
}

function makeDevices(work: Work, words: readonly string[]): void {
  const [path, mode, uid, gid, kind, major, minor, count] = words;
  if (kind !== "c" && kind !== "b") throw new BuildError(`${work.where}: ${kind} is not c or b`);
  const type = kind === "c" ? S_IFCHR : S_IFBLK;
  const first = decimal(work, minor, 1048575);
  const number = decimal(work, major, 4095);
  if (count === undefined) {
    make(work, path, type, mode, uid, gid).rdev = makeDevice(number, first);
    return;
  }
  const devices = decimal(work, count, MAX_COUNT);
  decimal(work, String(first + devices - 1), 1048575);
  for (let i = 0; i < devices; i++) {
    const node = make(work, `${path}${i}`, type, mode, uid, gid);
    node.rdev = makeDevice(number, first + i);
  }
}

function nodeAt(work: Work, path: string | undefined): TreeNode {
  const { tree, where } = work;
  const bytes = encoder.encode(path);
  if (tree.split(bytes).length === 0) return tree.root;
  const entry = tree.find(bytes);
  if (entry === undefined) throw new BuildError(`${where}: there is no ${path}`);
  return entry.node;
}

function setAttributes(work: Work, [path, mode, uid, gid]: readonly string[]): void {
  const node = nodeAt(work, path);
  if (node === work.tree.root) work.tree.rootGiven = true;
  if (mode !== "-") node.mode = (node.mode & S_IFMT) | octal(work, mode);
  if (uid !== "-") node.uid = decimal(work, uid);
  if (gid !== "-") node.gid = decimal(work, gid);
}

function setXattr(work: Work, [path, name = "", value = ""]: readonly string[]): void {
  const node = nodeAt(work, path);
  const nameBytes = encoder.encode(name);
  const others = node.xattrs.filter(([other]) => !equalBytes(other, nameBytes));
  node.setXattrs([...others, [nameBytes, valueOf(value)]]);
}

function valueOf(text: string): Uint8Array {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(text)) return encoder.encode(text);
  const digits = text.slice(2).match(/../g) ?? [];
  return Uint8Array.from(digits, (pair) => parseInt(pair, 16));
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function removePath(work: Work, [path]: readonly string[]): void {
  const { tree, where } = work;
  const names = tree.split(encoder.encode(path));
  const name = names.pop();
  if (name === undefined) throw new BuildError(`${where}: the root cannot be removed`);
  const parent = tree.directory(names, false, 0);
  if (parent === undefined || !tree.remove(parent, name)) {
    throw new BuildError(`${where}: there is no ${path}`);
  }
}
