/**
 * Which names go into the image: `--exclude` and `--include`.
 *
 * A pattern with a slash at its beginning or in its middle is one of whole paths; any other is one of
 * names, at any depth. `*` and `?` stand for anything but a slash, `**` for slashes too, `[a-z]` and
 * `[!a-z]` for one character; a slash at the end asks for a directory.
 *
 * @module
 */

import { BuildError } from "./build_error.ts";
import { keyOf, type Tree, type TreeNode } from "./tree.ts";

/** What is taken and what is left out. */
export interface FilterOptions {
  /** Left out, with everything below. */
  readonly exclude?: readonly string[];
  /** Taken nevertheless, with everything below; without `exclude` nothing else is taken. */
  readonly include?: readonly string[];
}

interface Pattern {
  readonly expression: RegExp;
  readonly wholePath: boolean;
  readonly directoriesOnly: boolean;
}

const encoder = new TextEncoder();

/** Removes from a tree what the options leave out. @throws BuildError for a bad pattern */
export function filterTree(tree: Tree, options: FilterOptions): void {
  const exclude = (options.exclude ?? []).map(compile);
  const include = (options.include ?? []).map(compile);
  if (exclude.length === 0 && include.length === 0) return;
  const taken = exclude.length > 0;
  prune({ tree, exclude, include }, tree.root, "", taken);
}

interface Filter {
  readonly tree: Tree;
  readonly exclude: readonly Pattern[];
  readonly include: readonly Pattern[];
}

/** @param taken whether the directory is in. The depth of trees is bounded. */
function prune(filter: Filter, directory: TreeNode, path: string, taken: boolean): void {
  for (const entry of [...directory.children?.values() ?? []]) {
    const name = keyOf(entry.name);
    const own = path === "" ? name : `${path}/${name}`;
    const isDirectory = entry.node.children !== undefined;
    const matches = (patterns: readonly Pattern[]): boolean =>
      patterns.some((pattern) => matchesOne(pattern, name, own, isDirectory));
    const isIn = matches(filter.include) || (taken && !matches(filter.exclude));
    if (isDirectory) prune(filter, entry.node, own, isIn);
    const needed = (entry.node.children?.size ?? 0) > 0;
    if (!isIn && !needed) filter.tree.remove(directory, entry.name);
  }
}

function matchesOne(pattern: Pattern, name: string, path: string, isDirectory: boolean): boolean {
  if (pattern.directoriesOnly && !isDirectory) return false;
  return pattern.expression.test(pattern.wholePath ? path : name);
}

function compile(text: string): Pattern {
  const directoriesOnly = text.endsWith("/");
  const body = text.replace(/\/+$/, "").replace(/^\.\//, "/");
  const wholePath = body.includes("/");
  const glob = keyOf(encoder.encode(body.replace(/^\/+/, "")));
  if (glob === "") throw new BuildError(`pattern '${text}' matches nothing`);
  try {
    return { expression: new RegExp(`^${translate(glob)}$`, "s"), wholePath, directoriesOnly };
  } catch {
    throw new BuildError(`pattern '${text}' is not one`);
  }
}

/** The parts of a pattern that are not themselves. */
const SPECIAL = /\*\*\/|\*\*|\*|\?|\[!?\]?[^\]]*\]|\\.|[\s\S]/g;
const TRANSLATIONS: Readonly<Record<string, string>> = {
  "**/": "(?:.*/)?",
  "**": ".*",
  "*": "[^/]*",
  "?": "[^/]",
};

function translate(glob: string): string {
  return (glob.match(SPECIAL) ?? []).map((part) => {
    const known = TRANSLATIONS[part];
    if (known !== undefined) return known;
    if (part.length > 2 && part.startsWith("[")) return characterClass(part);
    return quote(part.startsWith("\\") && part.length === 2 ? part.slice(1) : part);
  }).join("");
}

function characterClass(part: string): string {
  const negated = part[1] === "!";
  const members = part.slice(negated ? 2 : 1, -1).replaceAll(/[\\\]^[]/g, "\\$&");
  return negated ? `[^/${members}]` : `[${members}]`;
}

function quote(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
