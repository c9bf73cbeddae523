/**
 * Images whose journal the kernel left unreplayed: kfs shows and makes the state that e2fsck makes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { must } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImageByMke2fs } from "../harness/image.ts";
import { toByteString } from "../harness/libc.ts";
import { kernelExt4, mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { testWith } from "../harness/skip.ts";
import { mustBeSameTree, takeTree, type Tree } from "../harness/tree.ts";
import { run } from "../../tools/process.ts";
import { mountNeeds } from "./program_case.ts";

const FORMATS: Readonly<Record<string, readonly string[]>> = {
  "checksums v3, 64 bit": [],
  "blocks of 1 KiB": ["-b", "1024"],
  "no checksums": ["-O", "^metadata_csum"],
  "32 bit, no checksums": ["-O", "^metadata_csum,^64bit"],
};

/** Names, deletions (with revoked directory blocks), renames: all in the journal alone when the image is copied. */
const WORK = `
mkdir d; for i in $(seq 1500); do echo data$i > d/f$i; done; sync -f .
rm -r d/f1*; mkdir e; cp -a d e/copy; rm -r d; mv e/copy g; ln -s g h; sync -f .
for i in $(seq 300); do echo again > e/n$i; done; sync e/n300`;

for (const [name, options] of Object.entries(FORMATS)) {
  testWith({
    name: `a journal that the kernel left is replayed: ${name}`,
    needs: [...mountNeeds, kernelExt4],
    fn() {
      using scratch = new Scratch("journal");
      const left = scratch.path("left");
      leaveJournal(scratch, left, options);
      const [byE2fsck, byKfs] = ["e2fsck", "kfs"].map((by) => copy(left, scratch.path(by)));
      assert(byE2fsck !== undefined && byKfs !== undefined);
      run("e2fsck", ["-fy", byE2fsck]);
      const wanted = treeBy("kernel", byE2fsck, scratch.path("mnt"));

      const digest = must("sha256sum", [left]);
      mustBeSameTree(wanted, treeBy("kfs", left, scratch.path("mnt")), "e2fsck and kfs -o ro");
      assert.equal(must("sha256sum", [left]), digest, "a read-only mount writes nothing");

      mount("kfs", byKfs, scratch.path("mnt")).unmount();
      mustBeClean(byKfs, "after kfs replayed the journal");
      mustBeSameTree(wanted, treeBy("kernel", byKfs, scratch.path("mnt")), "e2fsck and kfs");
    },
  });
}

/** Makes `image` as a crash of the kernel leaves it. */
function leaveJournal(scratch: Scratch, image: string, options: readonly string[]): void {
  const live = scratch.path("live");
  makeImageByMke2fs(live, { size: "200M", options: ["-t", "ext4", ...options] });
  using mounted = mount("kernel", live, scratch.path("mnt"), { options: ["commit=300"] });
  must("bash", ["-euc", WORK], { cwd: mounted.mountpoint });
  copy(live, image);
}

function copy(from: string, to: string): string {
  must("cp", ["--sparse=always", from, to]);
  return to;
}

function treeBy(by: "kernel" | "kfs", image: string, mountpoint: string): Tree {
  using mounted = mount(by, image, mountpoint, { options: ["ro"] });
  return takeTree(toByteString(mounted.mountpoint));
}
