/**
 * The working set of operations that is done in every image.
 *
 * @module
 */

import { FsError, type Image } from "../../mod.ts";
import { Random } from "../harness/seed.ts";

/** What a format has no room or no structure for. */
const TOLERATED = new Set(["ENOSPC", "EOPNOTSUPP", "EFBIG", "EMLINK", "ERANGE"]);

/** Counts what was done. */
export class Work {
  done = 0;
  tolerated = 0;

  constructor(readonly image: Image) {}

  /** @param also a further code that is no failure. */
  do(action: (image: Image) => void, also?: string): void {
    try {
      action(this.image);
      this.done++;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      if (!TOLERATED.has(error.code) && error.code !== also) throw error;
      this.tolerated++;
    }
  }
}

/** Makes, changes, renames and removes a bit of everything. */
export function workIn(image: Image): Work {
  const work = new Work(image);
  const random = new Random(9);
  const noise = random.fill(new Uint8Array(300_000));
  growFolder(work, noise);
  changeOld(work, noise);
  fragment(work, noise);
  attribute(work, noise);
  work.do((i) => i.sync());
  moveNames(work);
  orphan(work, noise);
  return work;
}

function growFolder(work: Work, noise: Uint8Array): void {
  work.do((i) => i.mkdir("/grown/deep/er", { recursive: true }));
  for (let index = 0; index < 150; index++) {
    const name = `/grown/${"some name ".repeat(index % 9)}${index}`;
    work.do((i) => i.writeFile(name, noise.subarray(0, index * 17 % 400)));
  }
  for (let index = 0; index < 150; index += 3) {
    work.do((i) => i.remove(`/grown/${"some name ".repeat(index % 9)}${index}`));
  }
}

/** Files that mke2fs made. */
function changeOld(work: Work, noise: Uint8Array): void {
  work.do((i) => i.writeFile("/size-130", noise.subarray(0, 5000), { append: true }));
  work.do((i) => i.writeFile("/size-59", noise.subarray(0, 80), { append: true }));
  work.do((i) => i.truncate("/size-70000", 1234));
  work.do((i) => i.truncate("/size-20000", 200_000));
  work.do((i) => i.fallocate("/size-3000", 0, 2000, { mode: "punchHole" }));
  work.do((i) => i.chown("/size-1024", 1234, 70_000));
  work.do((i) => i.chmod("/size-61", 0o4711));
  work.do((i) => i.utime("/size-1", new Date(5000), new Date(1.6e12)));
  work.do((i) => i.remove("/names", { recursive: true }));
}

function fragment(work: Work, noise: Uint8Array): void {
  const { bsize } = work.image.statfs();
  work.do((i) => {
    using file = i.create("/fragments");
    for (let piece = 0; piece < 120; piece++) {
      file.writeAt(noise.subarray(0, 60), piece * 2 * bsize);
    }
    file.truncate(100 * bsize + 5);
  });
  work.do((i) => i.writeFile("/whole", noise));
  work.do((i) => i.fallocate("/whole", 400_000, 200_000));
  work.do((i) => i.fallocate("/whole", 10_000, 100_000, { mode: "zeroRange" }));
  for (const mode of ["collapseRange", "insertRange"] as const) {
    // Whole clusters are asked for; those of more than 64 KiB get EINVAL.
    work.do((i) => i.fallocate("/whole", 0, Math.max(bsize, 65_536), { mode }), "EINVAL");
  }
  work.do((i) => i.copyFile("/whole", "/copy"));
  work.do((i) => i.writeFile("/sparse", noise.subarray(0, 10)));
  work.do((i) => i.truncate("/sparse", 5_000_000));
}

function attribute(work: Work, noise: Uint8Array): void {
  for (const bytes of [0, 40, 300, 900, 3000]) {
    work.do((i) => i.setXattr("/size-3000", `user.new-${bytes}`, noise.subarray(0, bytes)));
    work.do((i) => i.setXattr("/grown", `trusted.new-${bytes}`, noise.subarray(0, bytes)));
  }
  // Without ext_attr there was none.
  work.do((i) => i.removeXattr("/size-3000", "user.value-40"), "ENODATA");
  work.do((i) => i.setXattr("/size-0", "user.one", "1"));
}

function moveNames(work: Work): void {
  for (const length of [5, 59, 60, 700]) {
    work.do((i) => i.symlink("s".repeat(length), `/new-link-${length}`));
  }
  work.do((i) => i.link("/whole", "/grown/whole-again"));
  work.do((i) => i.rename("/grown/deep", "/moved"));
  work.do((i) => i.rename("/copy", "/size-0"));
  work.do((i) => i.rename("/fifo", "/size-1", { exchange: true }));
  work.do((i) => i.remove("/link-59"));
  work.do((i) => i.mknod("/node", { type: "character", major: 1, minor: 3 }));
  work.do((i) => i.mknod("/socket", { type: "socket" }));
}

/** A file that is removed while it is open. */
function orphan(work: Work, noise: Uint8Array): void {
  work.do((i) => {
    using file = i.create("/removed");
    i.remove("/removed");
    file.write(noise.subarray(0, 20_000));
    i.sync();
  });
}
