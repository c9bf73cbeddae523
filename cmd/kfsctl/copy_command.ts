/**
 * What `get` and `put` have in common: which nodes go where, and telling how it went.
 *
 * @module
 */

import { populate, type PopulateResult, type SourceNode } from "../../fs/mkfs/populate.ts";
import { formatBytes } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine, OptionSpec } from "../shared/command_line.ts";
import { type CopyChoices, CopySink, type CopyTarget } from "../shared/copy_sink.ts";
import { ProgressBar } from "../shared/progress.ts";

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const encoder = new TextEncoder();

/** Options of both. */
export const COPY_OPTIONS: readonly OptionSpec[] = [
  { letter: "r", help: "directories, with everything below them" },
  { letter: "p", help: "keep modes, owners, times and extended attributes" },
];

/** Where a copy goes, and under which names. */
export interface Destination {
  /** The directory that the copies come into. */
  readonly directory: Uint8Array;
  /** The name of the only copy, when it is not its own. */
  readonly name?: Uint8Array;
  /** The directory is to be made. */
  readonly make?: true;
}

/** What a user wrote as a source: `DIR/.` stands for what is in the directory. */
export function meansContents(source: string): boolean {
  return /^(\.|\/|.*\/\.?)$/.test(source) && (source === "/" || !/[^/.]\/$/.test(source));
}

/**
 * Decides where copies go, as cp does: into a directory that is there, else under a new name.
 * @param contents what is copied are the contents of one directory.
 * @param isDirectory whether a path is a directory, links followed; undefined when there is nothing.
 */
export function destinationOf(
  text: string,
  sources: number,
  contents: boolean,
  isDirectory: (path: string) => boolean | undefined,
): Destination {
  const kind = isDirectory(text);
  if (kind === true) return { directory: encoder.encode(text) };
  if (sources > 1 || (text.endsWith("/") && !contents)) {
    throw new CommandError(`${text} is ${kind === undefined ? "not there" : "no directory"}`);
  }
  if (contents && kind === false) throw new CommandError(`${text} is no directory`);
  const trimmed = text.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  const folder = slash < 0 ? "." : trimmed.slice(0, Math.max(1, slash));
  if (isDirectory(folder) !== true) throw new CommandError(`${folder} is no directory`);
  if (contents) return { directory: encoder.encode(trimmed), make: true };
  return { directory: encoder.encode(folder), name: encoder.encode(trimmed.slice(slash + 1)) };
}

/** A node under another name. */
function withName(node: SourceNode, name: Uint8Array): SourceNode {
  const { mode, uid, gid, size, atime, mtime, ctime, rdev, linkKey, path } = node;
  return {
    ...{ name, mode, uid, gid, size, atime, mtime, ctime, rdev, linkKey, path },
    readContent: (write) => node.readContent(write),
    readTarget: () => node.readTarget(),
    readXattrs: () => node.readXattrs(),
    readChildren: () => node.readChildren(),
  };
}

const NO_TIME = { seconds: 0, nanoseconds: 0 };

/** A directory that is none: the nodes that were named on the command line. */
function folderOf(nodes: Iterable<SourceNode>): SourceNode {
  return {
    name: new Uint8Array(0),
    path: "",
    mode: S_IFDIR | 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    rdev: 0,
    linkKey: undefined,
    atime: NO_TIME,
    mtime: NO_TIME,
    ctime: NO_TIME,
    readContent: () => {},
    readTarget: () => new Uint8Array(0),
    readXattrs: () => [],
    readChildren: () => nodes,
  };
}

/** A node that was named on the command line. */
export interface CopySource {
  /** Where it is; a link that is to be followed is replaced by what it leads to. */
  readonly path: string;
  /** What the copy is called. */
  readonly name: string;
}

/** What is copied. */
export interface CopyOrder {
  readonly sources: readonly CopySource[];
  /** The nodes of the sources. */
  readonly nodes: Iterable<SourceNode>;
  /** Only what is in the one directory is meant. */
  readonly contents: boolean;
  readonly destination: Destination;
  readonly target: CopyTarget;
  readonly line: CommandLine;
  readonly owner?: CopyChoices["owner"];
  /** Bytes of content in all, for the progress bar; asked only when there is one. */
  readonly totalBytes: () => number;
}

/** Copies, with a progress bar. @throws what source and target throw */
export function copy(order: CopyOrder, verb: string): PopulateResult {
  const { destination, line, target } = order;
  const bar = new ProgressBar(!line.has("json"));
  const total = Deno.stderr.isTerminal() ? order.totalBytes() : 0;
  let done = 0;
  if (destination.make === true) target.makeDirectory(destination.directory);
  const sink = new CopySink(target, destination.directory, {
    preserve: line.has("p"),
    ...(order.owner === undefined ? {} : { owner: order.owner }),
    root: order.contents && (line.has("p") || destination.make === true),
    progress: (bytes) => bar.update(verb, done += bytes, total),
    warn: (message) => console.error(`kfsctl: ${message}`),
  });
  try {
    const result = populate(rootOf(order), sink, { copyXattrs: line.has("p") });
    sink.finish();
    return result;
  } catch (error) {
    sink.abandon();
    throw error;
  } finally {
    bar.clear();
  }
}

function rootOf({ sources, nodes, contents, destination: { name } }: CopyOrder): SourceNode {
  if (contents) {
    const [root] = nodes;
    return root ?? folderOf([]);
  }
  return folderOf(named(nodes, name, sources));
}

function* named(
  nodes: Iterable<SourceNode>,
  only: Uint8Array | undefined,
  sources: readonly CopySource[],
): Generator<SourceNode> {
  let index = 0;
  for (const node of nodes) {
    const name = only ?? encoder.encode(sources[index++]?.name ?? "");
    yield withName(node, name);
  }
}

/**
 * A source as it was written, without slashes at its end.
 * @param realPath tells where a path leads; asked when a link is to be followed.
 */
export function copySource(
  text: string,
  follow: boolean,
  realPath: (path: string) => string,
): CopySource {
  const trimmed = text.replace(/(?<=.)\/+$/, "");
  const last = trimmed.replace(/^.*\//, "");
  const nameless = last === "" || last === "." || last === "..";
  const path = follow || nameless ? realPath(trimmed) : trimmed;
  return { path, name: nameless ? path.replace(/^.*\//, "") : last };
}

/** @throws CommandError for a directory when `-r` was not given */
export function mustMayCopy(line: CommandLine, name: string, isDirectory: boolean): void {
  if (isDirectory && !line.has("r")) {
    throw new CommandError(`${name} is a directory (-r copies it, with all below it)`);
  }
}

/** Says what was copied. */
export function tellCopied(line: CommandLine, result: PopulateResult): void {
  if (line.has("json")) return console.log(JSON.stringify(result));
  const count = (number: number, one: string, many: string): string[] =>
    number === 0 ? [] : [`${number.toLocaleString("en")} ${number === 1 ? one : many}`];
  const parts = [
    ...count(result.files, "file", "files"),
    ...count(result.directories, "directory", "directories"),
    ...count(result.symlinks, "symbolic link", "symbolic links"),
    ...count(result.specials, "special file", "special files"),
    ...count(result.hardLinks, "hard link", "hard links"),
  ];
  const nodes = parts.length === 0 ? "nothing" : parts.join(", ");
  console.log(`${nodes} copied, ${formatBytes(result.bytes)} of data`);
}

/** Whether the mode is that of a directory. */
export function isDirectoryMode(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}
