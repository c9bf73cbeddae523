/**
 * Holds the directions in which the project's folders may import one another.
 *
 * The module graph comes from `deno info --json`, so that what counts is what Deno itself parsed.
 *
 * @module
 */

import { projectRoot, run } from "./process.ts";
import { isTest, sourceFiles } from "./source_files.ts";

/** One import statement, or `import()`, between two of the project's files. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** 1-based. */
  readonly line: number;
  /** Only types are imported: nothing is loaded at run time. */
  readonly typeOnly: boolean;
}

/** For each top folder (or root file), what it may import besides itself. */
const TOP: Readonly<Record<string, readonly string[]>> = {
  cmd: ["mod.ts", "build", "fs", "vhost", "ffi", "deno.json"],
  "mod.ts": ["lib", "build", "fs", "vhost", "ffi"],
  lib: ["build", "fs", "ffi"],
  build: ["tar", "fs", "ffi"],
  tar: [],
  vhost: ["ffi"],
  fs: [],
  ffi: [],
  examples: ["mod.ts"],
  tools: ["tests", "cmd"],
  tests: ["cmd", "mod.ts", "lib", "build", "tar", "fs", "vhost", "ffi", "tools", "fixtures"],
};

/** The one place outside that `fs` may see: its types anywhere, its constants in `fs/fuse`. */
const FILE_SYSTEM_PORT = "ffi/fuse/port.ts";

/**
 * Floors of `fs/`: a folder imports from its own floor or below. Files right in `fs/` are the ground
 * floor (errors, errno), except the front door.
 */
const FS_FLOORS: Readonly<Record<string, number>> = {
  "errors.ts": 0,
  "errno.ts": 0,
  bytes: 1,
  device: 2,
  layout: 2,
  journal: 3,
  volume: 4,
  alloc: 5,
  map: 6,
  dir: 6,
  xattr: 6,
  quota: 6,
  edit: 6,
  snapshot: 6,
  ops: 7,
  mkfs: 8,
  check: 8,
  dump: 8,
  restore: 9,
  resize: 9,
  tune: 9,
  defrag: 8,
  versions: 8,
  fuse: 9,
  "mod.ts": 10,
};

function topOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function fsFolderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** Why this import is against the rules, or undefined when it is allowed. */
export function fault(edge: Import): string | undefined {
  if (isTest(edge.from)) return undefined;
  if (isTest(edge.to) && topOf(edge.from) !== "tools") return "code imports a test";
  const from = topOf(edge.from);
  const to = topOf(edge.to);
  if (from === "fs") return fsFault(edge);
  if (from === to) return undefined;
  const allowed = TOP[from];
  if (allowed === undefined) return `${from} is not in the table of tools/check_imports.ts`;
  return allowed.includes(to) ? undefined : `${from} must not import ${to}`;
}

function fsFault(edge: Import): string | undefined {
  if (edge.to === FILE_SYSTEM_PORT) {
    const allowed = edge.typeOnly || edge.from.startsWith("fs/fuse/");
    return allowed ? undefined : "only fs/fuse may import more than types of the file-system port";
  }
  if (topOf(edge.to) !== "fs") return `fs must not import ${edge.to}`;
  const from = fsFolderOf(edge.from);
  const to = fsFolderOf(edge.to);
  const fromFloor = FS_FLOORS[from];
  const toFloor = FS_FLOORS[to];
  if (fromFloor === undefined || toFloor === undefined) {
    const name = fromFloor === undefined ? from : to;
    return `fs/${name} has no floor in the table of tools/check_imports.ts`;
  }
  return fromFloor >= toFloor
    ? undefined
    : `fs/${from} must not import fs/${to}, which is above it`;
}

/** Pairs of folders of one floor of `fs/` that import each other, as readable lines. */
export function mutualFolders(edges: readonly Import[]): readonly string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const edge of edges) {
    if (isTest(edge.from) || edge.typeOnly) continue;
    if (topOf(edge.from) !== "fs" || topOf(edge.to) !== "fs") continue;
    const from = fsFolderOf(edge.from);
    const to = fsFolderOf(edge.to);
    if (from === to) continue;
    seen.add(`${from} ${to}`);
    if (seen.has(`${to} ${from}`)) {
      found.push(`${edge.from}:${edge.line}: fs/${from} and fs/${to} import each other`);
    }
  }
  return found;
}

interface GraphTarget {
  readonly specifier?: string;
  readonly span?: { readonly start: { readonly line: number } };
}

interface GraphModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: GraphTarget;
    readonly type?: GraphTarget;
  }[];
}

function relative(url: string | undefined): string | undefined {
  const prefix = `file://${projectRoot}/`;
  return url?.startsWith(prefix) === true ? url.slice(prefix.length) : undefined;
}

/** Every import between the project's files. */
export function importsOf(files: readonly string[]): readonly Import[] {
  const root = Deno.makeTempFileSync({ prefix: "kfs-graph-", suffix: ".ts" });
  try {
    const lines = files.map((file) => `import ${JSON.stringify(`file://${projectRoot}/${file}`)};`);
    Deno.writeTextFileSync(root, lines.join("\n"));
    const config = `${projectRoot}/deno.json`;
    const info = run(Deno.execPath(), ["info", "--json", "--no-lock", "--config", config, root]);
    if (info.code !== 0) throw new Error(`deno info: ${info.stderr}`);
    const graph = JSON.parse(info.stdout) as { readonly modules: readonly GraphModule[] };
    return graph.modules.flatMap(importsOfModule);
  } finally {
    Deno.removeSync(root);
  }
}

function importsOfModule(module: GraphModule): readonly Import[] {
  const from = relative(module.specifier);
  if (from === undefined) return [];
  const edges: Import[] = [];
  for (const dependency of module.dependencies ?? []) {
    const target = dependency.code ?? dependency.type;
    const to = relative(target?.specifier);
    if (to === undefined) continue;
    const line = (target?.span?.start.line ?? 0) + 1;
    edges.push({ from, to, line, typeOnly: dependency.code === undefined });
  }
  return edges;
}

/** All faults as `file:line: reason` lines; empty when the directions hold. */
export function checkImports(): readonly string[] {
  const edges = importsOf(sourceFiles());
  const faults = edges.flatMap((edge) => {
    const reason = fault(edge);
    return reason === undefined ? [] : [`${edge.from}:${edge.line}: ${reason}`];
  });
  return [...faults, ...mutualFolders(edges)];
}

if (import.meta.main) {
  const faults = checkImports();
  for (const line of faults) console.log(line);
  Deno.exit(faults.length === 0 ? 0 : 1);
}
