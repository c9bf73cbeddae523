import assert from "node:assert/strict";
import { must } from "../../harness/commands.ts";
import * as libc from "../../harness/libc.ts";
import { kernelExt4, mount } from "../../harness/mount.ts";
import { Scratch } from "../../harness/scratch.ts";
import { programs, root, testWith } from "../../harness/skip.ts";
import { askChecker, describe } from "./judge.ts";

const kinds: readonly (readonly string[])[] = [
  ["-t", "ext3", "-b", "1024"],
  ["-t", "ext4"],
  ["-t", "ext4", "-b", "1024", "-O", "orphan_file"],
];

/** Leaves the mount as a crash would: files and a folder without names, a journal not replayed. */
function crash(mountpoint: string, image: string, copy: string): void {
  const bytes = libc.toByteString(mountpoint);
  const held = Array.from({ length: 6 }, (_, index) => {
    const descriptor = libc.open(`${bytes}/held-${index}`, libc.O_CREAT | libc.O_RDWR, 0o600);
    libc.pwrite(descriptor, new Uint8Array(30_000 * index).fill(index), 0);
    libc.fsync(descriptor);
    return descriptor;
  });
  for (let index = 0; index < held.length; index++) libc.unlink(`${bytes}/held-${index}`);
  Deno.mkdirSync(`${mountpoint}/a/b`, { recursive: true });
  const last = libc.open(`${bytes}/a/b/last`, libc.O_CREAT | libc.O_RDWR, 0o600);
  libc.fsync(last);
  must("cp", ["--sparse=always", image, copy]);
  for (const descriptor of [...held, last]) libc.close(descriptor);
}

for (const options of kinds) {
  testWith({
    name: `a crash of the kernel's is clean after the replay: ${options.join(" ")}`,
    needs: [root, kernelExt4, programs("mke2fs", "e2fsck")],
    fn() {
      using scratch = new Scratch("crashed");
      const image = scratch.path("image");
      const copy = scratch.path("copy");
      must("mke2fs", ["-q", "-F", ...options, image, "32M"]);
      {
        using mounted = mount("kernel", image, scratch.path("mnt"), { options: ["noatime"] });
        crash(mounted.mountpoint, image, copy);
        mounted.unmount();
      }
      const replayed = askChecker(copy, "replay");
      assert.ok(replayed.clean, describe(replayed, 10));
      assert.equal(replayed.counts.journal_replayed, 1);
      assert.equal(replayed.counts.orphan_allowed, 1);
      const finding = replayed.findings.find(({ code }) => code === "orphan_allowed");
      assert.equal(finding?.found, 6);
      const ignored = askChecker(copy, "ignore");
      assert.equal(ignored.counts.journal_not_replayed, 1);
      mount("kernel", copy, scratch.path("again")).unmount();
      const settled = askChecker(copy, "replay");
      assert.ok(settled.clean && settled.notes === 0, describe(settled, 10));
    },
  });
}
