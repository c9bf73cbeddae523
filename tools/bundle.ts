/**
 * Bundles a command and its workers into plain JavaScript files that lie side by side.
 *
 * @module
 */

import { projectRoot, run } from "./process.ts";
import { commandModules, rewriteWorkers } from "./worker_modules.ts";

/** The name of a worker's bundle, unique among all modules: its path with `-` for `/`. */
function bundleName(module: string): string {
  return `${module.replace(/\.ts$/, "").replaceAll("/", "-")}.js`;
}

function copySources(files: readonly string[], to: string): void {
  Deno.copyFileSync(`${projectRoot}/deno.json`, `${to}/deno.json`);
  for (const file of files) {
    const target = `${to}/${file}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    const text = Deno.readTextFileSync(`${projectRoot}/${file}`);
    Deno.writeTextFileSync(target, rewriteWorkers(file, text, bundleName));
  }
}

function bundleOne(sources: string, entry: string, output: string): void {
  const done = run(Deno.execPath(), ["bundle", "-q", "--keep-names", "-o", output, entry], {
    cwd: sources,
    env: { NO_COLOR: "1" },
  });
  if (done.code !== 0) throw new Error(`deno bundle ${entry}: ${done.stdout}${done.stderr}`);
}

/** Writes `folder/NAME.js` and a file for each worker; returns the names of what was written. */
export function bundleCommand(name: string, folder: string): readonly string[] {
  const entry = `cmd/${name}.ts`;
  const { files, workers } = commandModules(entry);
  const sources = Deno.makeTempDirSync({ prefix: "kfs-bundle-" });
  try {
    copySources(files, sources);
    bundleOne(sources, entry, `${folder}/${name}.js`);
    for (const worker of workers) bundleOne(sources, worker, `${folder}/${bundleName(worker)}`);
  } finally {
    Deno.removeSync(sources, { recursive: true });
  }
  return [`${name}.js`, ...workers.map(bundleName)];
}
