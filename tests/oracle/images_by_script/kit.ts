/** What the tests of images by script share: folders, a tree with one of everything, running mkfs. @module */

import assert from "node:assert/strict";
import { main } from "../../../cmd/mkfs.ts";
import { errorLine } from "../../../cmd/shared/command_error.ts";
import { findProgram } from "../../../tools/process.ts";
import { must } from "../../harness/commands.ts";
import { roomyFolder } from "../../harness/scratch.ts";

export const root = (): string | undefined => Deno.uid() === 0 ? undefined : "needs root";
export const program = (name: string) => (): string | undefined =>
  findProgram(name) === undefined ? `${name} is not installed` : undefined;
export const loop = (): string | undefined => {
  try {
    Deno.statSync("/dev/loop-control");
    return undefined;
  } catch {
    return "no loop devices here";
  }
};

/** Everything that a tree can hold; made by a shell in an empty folder. */
const TREE = `
set -e
mkdir -p etc/conf.d usr/bin empty-dir
echo hello > etc/motd
: > etc/empty
head -c 300000 /dev/urandom > usr/bin/tool
chmod 4755 usr/bin/tool
ln etc/motd usr/motd-link
ln -s ../etc/motd etc/conf.d/short
ln -s "$(printf 'x%.0s' $(seq 180))" etc/conf.d/long
mkfifo pipe
mknod null c 1 3
mknod wide b 259 70000
truncate -s 20M sparse
printf data | dd of=sparse bs=1M seek=10 conv=notrunc status=none
printf more | dd of=sparse bs=1M seek=15 conv=notrunc status=none
truncate -s 3M hole
d=$(printf 'd%.0s' $(seq 90)); mkdir -p "$d/$d"; echo deep > "$d/$d/$(printf 'f%.0s' $(seq 200))"
printf bytes > "$(printf 'latin\\351')"
echo "a b" > "name with blanks"
chown 1000:1001 etc/conf.d; chmod 3775 etc/conf.d
chown 3000000:4000000 etc/empty
setfattr -n user.comment -v "with=equals%percent" etc/motd
setfattr -n trusted.binary -v 0x00ff00 usr/bin/tool
setfacl -m u:1234:rw,g:4321:r etc/motd
setfacl -d -m u:77:rx etc/conf.d
touch -d '2040-01-02 03:04:05.123456789' etc/motd
touch -h -d '1960-01-02 03:04:05.5' etc/conf.d/short
touch -d '2001-01-01 00:00:00' usr/bin etc
`;

/** What making the tree needs. */
export const TREE_NEEDS = [root, ...["tar", "setfattr", "setfacl", "e2fsck"].map(program)];

/** Makes the tree. */
export function makeTree(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  must("sh", ["-c", `cd '${folder}' && ${TREE}`]);
}

/** A folder for one test. */
export async function withFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ dir: roomyFolder(), prefix: "kfs-script-" });
  try {
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Runs mkfs, which has to succeed; the image is judged by e2fsck. */
export async function made(image: string, ...args: string[]): Promise<void> {
  assert.equal(await main(["-q", ...args]), 0);
  must("e2fsck", ["-fn", image]);
}

/** Runs mkfs, which has to fail with one line, and leave nothing behind. Returns the line. */
export async function refused(image: string, ...args: string[]): Promise<string> {
  let line: string | undefined;
  try {
    await main(["-q", ...args]);
  } catch (error) {
    line = errorLine(error);
    if (line === undefined) throw error;
  }
  assert.ok(line !== undefined, `mkfs ${args.join(" ")} did not fail`);
  assert.doesNotMatch(line, /\n/);
  assert.throws(() => Deno.statSync(image), Deno.errors.NotFound, "an image was left behind");
  return line;
}

/** SHA-256 of a file. */
export function sha256(path: string): string {
  return must("sha256sum", [path]).split(" ")[0] ?? "";
}
