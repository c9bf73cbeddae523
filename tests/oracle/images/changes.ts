/**
 * A fixed kind of work on a populated tree: a bit of everything that changes an image.
 *
 * @module
 */

import * as libc from "../../harness/libc.ts";
import { Random } from "../../harness/seed.ts";
import type { Tree } from "../../harness/tree.ts";

const PUNCH_AND_KEEP = 3;

/** Throws on a failed call, but for lack of room and for what the image cannot hold. */
function expectDone(what: string, answer: number): void {
  const tolerated = [-28, -95, -31, -27];
  if (answer < 0 && !tolerated.includes(answer)) throw new Error(`${what}: errno ${-answer}`);
}

function changeFile(path: string, random: Random): void {
  const descriptor = libc.open(path, libc.O_RDWR);
  if (descriptor < 0) throw new Error(`open: errno ${-descriptor}`);
  const bytes = random.fill(new Uint8Array(random.between(1, 30_000)));
  const status = libc.lstat(path);
  const size = typeof status === "number" ? 0 : status.sizeBytes;
  const changes: readonly (() => number)[] = [
    () => libc.pwrite(descriptor, bytes, size),
    () => libc.pwrite(descriptor, bytes, random.below(size + 1)),
    () => libc.ftruncate(descriptor, random.below(size + 1)),
    () => libc.ftruncate(descriptor, size + random.below(100_000)),
    () => libc.fallocate(descriptor, 0, size, random.between(1, 200_000)),
    () => libc.fallocate(descriptor, PUNCH_AND_KEEP, random.below(size + 1), bytes.length),
    () => libc.pwrite(descriptor, bytes, size + random.below(3_000_000)),
  ];
  expectDone("change", random.pick(changes)());
  libc.close(descriptor);
}

/** What happens to one object: a table from which a draw picks. */
const ON_ANY: readonly ((path: string, random: Random) => void)[] = [
  (path) => expectDone("unlink", libc.unlink(path)),
  (path) => expectDone("rename", libc.rename(path, `${path.slice(0, -1)}#`)),
  (path, random) => expectDone("chmod", libc.lchown(path, random.below(100_000), 7)),
  (path, random) => {
    const value = random.fill(new Uint8Array(random.pick([1, 30, 300, 900])));
    expectDone("setxattr", libc.setxattr(path, "trusted.changed", value));
  },
  (path) => expectDone("utimens", libc.utimens(path, [1, 2], [3, 4])),
];

function growFolder(folder: string, random: Random): void {
  expectDone("mkdir", libc.mkdir(folder));
  const name = "n".repeat(random.between(10, 120));
  for (let index = 0; index < 250; index++) {
    const flags = libc.O_CREAT | libc.O_RDWR;
    const descriptor = libc.open(`${folder}/${name}${index}`, flags, 0o640);
    expectDone("create", descriptor);
    if (descriptor < 0) return;
    const bytes = random.fill(new Uint8Array(random.below(300)));
    expectDone("write", libc.pwrite(descriptor, bytes, 0));
    libc.close(descriptor);
  }
  for (let index = 0; index < 250; index += 3) libc.unlink(`${folder}/${name}${index}`);
}

/** A file of many separate extents, some of them freed again. */
function writeFragments(path: string, random: Random): void {
  const descriptor = libc.open(path, libc.O_CREAT | libc.O_RDWR, 0o600);
  expectDone("create", descriptor);
  if (descriptor < 0) return;
  const bytes = random.fill(new Uint8Array(100));
  for (let piece = 0; piece < 200; piece++) {
    expectDone("write", libc.pwrite(descriptor, bytes, piece * 16_384));
  }
  expectDone("truncate", libc.ftruncate(descriptor, 130 * 16_384 + 5));
  libc.fsync(descriptor);
  libc.close(descriptor);
}

/** Changes the tree below `root`, whose objects `tree` lists; the same `seed` makes the same changes. */
export function changeTree(root: string, tree: Tree, seed: number, tag: string): void {
  const random = new Random(seed);
  for (const [path, entry] of tree) {
    if (path === "." || path.startsWith("lost+found") || !random.chance(35)) continue;
    const full = `${root}/${path}`;
    if (entry["type"] === "regular" && random.chance(60)) changeFile(full, random);
    else if (entry["type"] !== "directory") random.pick(ON_ANY)(full, random);
  }
  growFolder(`${root}/grown-${tag}`, random);
  writeFragments(`${root}/fragments-${tag}`, random);
  expectDone(
    "symlink",
    libc.symlink("s".repeat(random.pick([10, 59, 60, 900])), `${root}/s-${tag}`),
  );
  expectDone("link", libc.link(`${root}/fragments-${tag}`, `${root}/second-${tag}`));
}
