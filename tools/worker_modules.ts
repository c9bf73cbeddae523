/**
 * Finds the modules that a command loads apart: as Workers, or as the module of another process. By the
 * project's convention each is named as `new URL("./name.ts", import.meta.url)`, with the URL's text in
 * place, so that the compiled commands can carry it.
 *
 * @module
 */

import { projectRoot, run } from "./process.ts";

const WORKER_URL = /new URL\(\s*"([^"]+\.ts)",\s*import\.meta\.url,?\s*\)/g;

/** The project's files that `entry` (relative to the root) loads, itself included. */
export function localGraph(entry: string): readonly string[] {
  const info = run(Deno.execPath(), ["info", "--json", entry], { cwd: projectRoot });
  if (info.code !== 0) throw new Error(`deno info ${entry}: ${info.stderr}`);
  const graph = JSON.parse(info.stdout) as { readonly modules: readonly { specifier: string }[] };
  const prefix = `file://${projectRoot}/`;
  return graph.modules.flatMap(({ specifier }) =>
    specifier.startsWith(prefix) ? [specifier.slice(prefix.length)] : []
  );
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** The worker modules named in one file's text, relative to the root. */
export function workersIn(file: string, text: string): readonly string[] {
  return [...text.matchAll(WORKER_URL)].map((match) => resolve(file, match[1] ?? ""));
}

/** Replaces the URL of each worker in `text` by that of a file beside the bundle. */
export function rewriteWorkers(
  file: string,
  text: string,
  rename: (worker: string) => string,
): string {
  return text.replaceAll(WORKER_URL, (_, specifier: string) => {
    const name = JSON.stringify(`./${rename(resolve(file, specifier))}`);
    return `new URL(${name}, import.meta.url)`;
  });
}

/** What a command is made of. */
export interface CommandModules {
  /** Every local file that the command or one of its workers loads. */
  readonly files: readonly string[];
  readonly workers: readonly string[];
}

/** Follows `entry` and the workers that it, or they, start. */
export function commandModules(entry: string): CommandModules {
  const files = new Set<string>();
  const workers = new Set<string>();
  const pending = [entry];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const file of localGraph(next)) {
      if (files.has(file)) continue;
      files.add(file);
      for (const worker of workersIn(file, Deno.readTextFileSync(`${projectRoot}/${file}`))) {
        if (workers.has(worker)) continue;
        workers.add(worker);
        pending.push(worker);
      }
    }
  }
  return { files: [...files].sort(), workers: [...workers].sort() };
}
