/**
 * The test images of e2fsprogs' own test-suite, from the distribution's source package, kept in `.cache`.
 *
 * @module
 */

import { projectRoot, run } from "../../../tools/process.ts";

const CACHE = `${projectRoot}/.cache/e2fsprogs`;

/** deb-src lines for what the machine's own sources name; neither its lists nor its files are touched. */
function writeSources(folder: string): void {
  Deno.mkdirSync(`${folder}/parts`, { recursive: true });
  Deno.mkdirSync(`${folder}/lists/partial`, { recursive: true });
  Deno.mkdirSync(`${folder}/cache/archives/partial`, { recursive: true });
  const script = `
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
      sed -n 's/^deb /deb-src /p' > "$1/sources.list"
    for file in /etc/apt/sources.list.d/*.sources; do
      test -e "$file" && sed 's/^Types:.*/Types: deb-src/' "$file" > "$1/parts/\${file##*/}"
    done; true`;
  run("sh", ["-c", script, "sh", folder]);
}

function aptOptions(folder: string): readonly string[] {
  return [
    "-qq",
    "-o",
    `Dir::Etc::SourceList=${folder}/sources.list`,
    "-o",
    `Dir::Etc::SourceParts=${folder}/parts`,
    "-o",
    `Dir::State::Lists=${folder}/lists`,
    "-o",
    `Dir::Cache=${folder}/cache`,
    "-o",
    "APT::Sandbox::User=root",
  ];
}

function fetchSource(folder: string): string | undefined {
  writeSources(folder);
  const options = aptOptions(folder);
  const update = run("apt-get", [...options, "update"]);
  if (update.code !== 0) return `apt-get update: ${update.stderr.trim().split("\n").at(-1)}`;
  const source = run("apt-get", [...options, "source", "--download-only", "e2fsprogs"], {
    cwd: folder,
  });
  if (source.code !== 0) return `apt-get source: ${source.stderr.trim().split("\n").at(-1)}`;
  return undefined;
}

function unpack(folder: string): string | undefined {
  const script = 'cd "$1" && for file in *.orig.tar.gz *.orig.tar.xz; do test -e "$file" && ' +
    `tar -xf "$file" --wildcards --strip-components=2 -C "$2" '*/tests/*/image.gz'; done; true`;
  const fresh = `${CACHE}.new`;
  run("rm", ["-rf", fresh]);
  Deno.mkdirSync(fresh, { recursive: true });
  const done = run("sh", ["-c", script, "sh", folder, fresh]);
  if ([...Deno.readDirSync(fresh)].length === 0) return `nothing unpacked: ${done.stderr}`;
  Deno.renameSync(fresh, CACHE);
  return undefined;
}

function isCached(): boolean {
  try {
    return [...Deno.readDirSync(CACHE)].length > 0;
  } catch {
    return false;
  }
}

/** Fetches the images unless they are there; the reason when that cannot be done. */
export function fetchImages(): string | undefined {
  if (isCached()) return undefined;
  const folder = Deno.makeTempDirSync({ prefix: "kfs-source-" });
  try {
    return fetchSource(folder) ?? unpack(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Names of the test cases that have an image, and the compressed image's path. */
export function cachedImages(): readonly { readonly name: string; readonly path: string }[] {
  return [...Deno.readDirSync(CACHE)]
    .map(({ name }) => ({ name, path: `${CACHE}/${name}/image.gz` }))
    .sort((left, right) => left.name < right.name ? -1 : 1);
}
