/**
 * What certainly clears a folder of tests away: a process of its own that waits for theirs to end, however it ends
 * (killed, timed out, crashed).
 *
 * @module
 */

import { run } from "../../tools/process.ts";

/**
 * $1: process; $2: folder; $3: "keep" leaves the files. Nothing is removed as long as something is mounted
 * below. Mounts are taken away lazily: one whose server is dead or hangs answers nothing else.
 */
const SCRIPT = `
trap '' HUP INT TERM
while kill -0 "$1"; do sleep 0.5; done
points() { cut -d' ' -f5 /proc/self/mountinfo | grep -F -- "$1/" | sort -r; }
for pause in 0.2 1 5; do
  points "$2" | while read -r point; do umount -l "$point" || fusermount3 -uz "$point"; done
  losetup -n -O NAME,BACK-FILE | while read -r name file; do
    case "$file" in "$2"/*) losetup -d "$name" ;; esac
  done
  [ "$3" != keep ] || exit
  [ -n "$(points "$2")" ] || rm -rf --one-file-system -- "$2"
  [ -e "$2" ] || exit
  sleep $pause
done`;

/** Has `folder` cleared away when this process has ended. It has a name without blanks, and of nobody else's. */
export function clearAfterEnd(folder: string, keep: boolean): void {
  const start = 'setsid sh -c "$@" </dev/null >/dev/null 2>&1 &';
  const how = keep ? "keep" : "remove";
  run("sh", ["-c", start, "sh", SCRIPT, "sh", `${Deno.pid}`, folder, how]);
}
