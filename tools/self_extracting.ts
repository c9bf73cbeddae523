/**
 * Builds a command as one self-extracting executable: a shell stub, the bundled JavaScript as a tar
 * archive, and the local deno binary, compressed.
 *
 * The first run unpacks both into the user's cache, keyed by content, so that the commands share one
 * deno and a new build never meets an old one's files; later runs only look and `exec`.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { bundleCommand } from "./bundle.ts";
import { run } from "./process.ts";

/** The compressed deno binary, made once for all commands. */
export interface DenoPart {
  readonly key: string;
  readonly bytes: Uint8Array;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 24);
}

/** Compresses the deno binary that runs this. */
export function denoPart(): DenoPart {
  const binary = Deno.readFileSync(Deno.execPath());
  const done = new Deno.Command("gzip", {
    args: ["-6", "-c", Deno.execPath()],
    stdout: "piped",
    stderr: "piped",
  }).outputSync();
  if (!done.success) throw new Error(`gzip: ${new TextDecoder().decode(done.stderr)}`);
  return { key: digest(binary), bytes: done.stdout };
}

/** The bundle of one command as a tar archive that is the same for the same content. */
function bundlePart(name: string): { readonly key: string; readonly bytes: Uint8Array } {
  const folder = Deno.makeTempDirSync({ prefix: "kfs-self-" });
  try {
    const inner = `${folder}/bundle`;
    Deno.mkdirSync(inner);
    const files = bundleCommand(name, inner);
    const archive = `${folder}/bundle.tar`;
    const same = ["--sort=name", "--owner=0", "--group=0", "--mtime=@0", "--mode=0444"];
    const done = run("tar", [...same, "-cf", archive, "-C", inner, ...files]);
    if (done.code !== 0) throw new Error(`tar: ${done.stderr}`);
    const bytes = Deno.readFileSync(archive);
    return { key: digest(bytes), bytes };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/**
 * The stub. `ready` is the whole of a usual run: both parts are there and ours. A base folder is taken
 * only when it is ours too (`sudo` may keep another user's HOME); a folder in a place that all may
 * write to is taken only when nobody else can have put it there.
 */
function stub(name: string, bundleKey: string, denoKey: string, flags: string): string {
  return `#!/bin/sh
# ${name}, self-extracting: this script, then its JavaScript (tar), then the deno runtime (gzip).
name=${name} bundle=${name}-${bundleKey} deno=deno-${denoKey}
ready() { [ -O "$1" ] && [ ! -L "$1" ] && [ -O "$1/$deno/deno" ] && [ -O "$1/$bundle/$name.js" ]; }
start() {
  folder=$1
  shift
  DENO_DIR=$folder/deno_dir DENO_NO_UPDATE_CHECK=1
  export DENO_DIR DENO_NO_UPDATE_CHECK
  exec "$folder/$deno/deno" run -A --no-config --no-lock --no-prompt${flags} "$folder/$bundle/$name.js" "$@"
}
cache=\${XDG_CACHE_HOME:-\${HOME:+$HOME/.cache}}
if [ -n "$cache" ] && ready "$cache/kfs-tools"; then start "$cache/kfs-tools" "$@"; fi
umask 077
private() {
  [ -d "$1" ] || mkdir -p -m 700 "$1" 2>/dev/null || return 1
  [ -O "$1" ] && [ ! -L "$1" ] && [ -w "$1" ] && [ "$(stat -c %a "$1")" = 700 ]
}
section() { tail -c "+$(($1 + 1))" "$self" | head -c "$2"; }
self=$0
unpack() {
  fresh=$(mktemp -d "$1/unpack.XXXXXXXX") || return 1
  if [ ! -x "$1/$deno/deno" ]; then
    mkdir "$fresh/$deno" && section @DENO_START@ @DENO_LENGTH@ | gzip -dc >"$fresh/$deno/deno" &&
      chmod 500 "$fresh/$deno/deno" && "$fresh/$deno/deno" --version >/dev/null &&
      { mv -T "$fresh/$deno" "$1/$deno" 2>/dev/null || [ -x "$1/$deno/deno" ]; } ||
      { rm -rf "$fresh"; return 1; }
  fi
  if [ ! -f "$1/$bundle/$name.js" ]; then
    mkdir "$fresh/$bundle" && section @BUNDLE_START@ @BUNDLE_LENGTH@ | tar -xf - -C "$fresh/$bundle" --no-same-owner &&
      [ -f "$fresh/$bundle/$name.js" ] &&
      { mv -T "$fresh/$bundle" "$1/$bundle" 2>/dev/null || [ -f "$1/$bundle/$name.js" ]; } ||
      { rm -rf "$fresh"; return 1; }
  fi
  rm -rf "$fresh"
}
user=$(id -u)
if [ -n "$cache" ] && { [ -O "$cache" ] || { [ -O "\${cache%/*}" ] && mkdir -p "$cache" 2>/dev/null; }; }
then set -- "$cache/kfs-tools" "$@"
else set -- "" "$@"
fi
mine=$1
shift
if [ "$user" = 0 ]; then common=/var/cache/kfs-tools; else common=\${TMPDIR:-/tmp}/kfs-tools-$user; fi
for folder in "$mine" "$common"; do
  [ -n "$folder" ] && private "$folder" || continue
  if ready "$folder" || { unpack "$folder" && ready "$folder"; }; then start "$folder" "$@"; fi
done
echo "$name: cannot unpack the runtime into \${mine:-a cache folder of yours} or $common" >&2
exit 1
`;
}

/** Fills in the offsets and lengths of the parts. */
function place(text: string, values: Readonly<Record<string, number>>): string {
  let placed = text;
  for (const [key, value] of Object.entries(values)) {
    placed = placed.replaceAll(`@${key}@`, String(value));
  }
  return placed;
}

/** The parts begin where the text ends, and the text contains where they begin. */
function layOut(text: string, bundleLength: number, denoLength: number): string {
  let start = text.length;
  for (;;) {
    const placed = place(text, {
      BUNDLE_START: start,
      BUNDLE_LENGTH: bundleLength,
      DENO_START: start + bundleLength,
      DENO_LENGTH: denoLength,
    });
    const length = new TextEncoder().encode(placed).length;
    if (length === start) return placed;
    start = length;
  }
}

/** Writes the executable of the command `name` to `output`. */
export function buildSelfExtracting(
  name: string,
  output: string,
  deno: DenoPart,
  flags: readonly string[],
): void {
  const bundle = bundlePart(name);
  const extra = flags.map((flag) => ` ${flag}`).join("");
  const text = stub(name, bundle.key, deno.key, extra);
  const head = new TextEncoder().encode(layOut(text, bundle.bytes.length, deno.bytes.length));
  const fresh = `${output}.new`;
  using file = Deno.openSync(fresh, { write: true, create: true, truncate: true, mode: 0o755 });
  for (const part of [head, bundle.bytes, deno.bytes]) {
    for (let done = 0; done < part.length;) done += file.writeSync(part.subarray(done));
  }
  Deno.renameSync(fresh, output);
}
