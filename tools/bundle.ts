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

/**
 * Copies the sources, so that what they load apart is named as it will lie beside them. Each entry gets a module at
 * the top that only hands it on: then all that is written lies in one folder, wherever it came from.
 */
function copySources(files: readonly string[], entries: ReadonlyMap<string, string>, to: string) {
  Deno.copyFileSync(`${projectRoot}/deno.json`, `${to}/deno.json`);
  for (const file of files) {
    const target = `${to}/${file}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    const text = rewriteWorkers(file, Deno.readTextFileSync(`${projectRoot}/${file}`), bundleName);
    const isEntry = entries.has(file);
    Deno.writeTextFileSync(target, isEntry ? text.replaceAll("import.meta.main", "true") : text);
  }
  for (const [file, output] of entries) {
    const top = `${to}/${output.replace(/\.js$/, ".ts")}`;
    Deno.writeTextFileSync(top, `export * from ${JSON.stringify(`./${file}`)};\n`);
  }
}

/** What is imported only now and then becomes a file of its own, loaded when it is wanted. */
function bundleOne(sources: string, output: string, folder: string): void {
  const entry = output.replace(/\.js$/, ".ts");
  const options = ["-q", "--keep-names", "--code-splitting", "--outdir", folder];
  const done = run(Deno.execPath(), ["bundle", ...options, entry], {
    cwd: sources,
    env: { NO_COLOR: "1" },
  });
  if (done.code !== 0) throw new Error(`deno bundle ${entry}: ${done.stdout}${done.stderr}`);
}

/**
 * Writes `folder/NAME.js`, a file for each worker, and those that they share or load later; returns the names of
 * all files in `folder`.
 */
export function bundleCommand(name: string, folder: string): readonly string[] {
  const entry = `cmd/${name}.ts`;
  const { files, workers } = commandModules(entry);
  const entries = new Map([[entry, `${name}.js`]]);
  for (const worker of workers) entries.set(worker, bundleName(worker));
  const sources = Deno.makeTempDirSync({ prefix: "kfs-bundle-" });
  try {
    copySources(files, entries, sources);
    for (const output of entries.values()) bundleOne(sources, output, folder);
  } finally {
    Deno.removeSync(sources, { recursive: true });
  }
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
