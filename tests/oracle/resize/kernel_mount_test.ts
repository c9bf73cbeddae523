import assert from "node:assert/strict";
import { open, resize } from "../../../mod.ts";
import { mustBeClean } from "../../harness/e2fsck.ts";
import { makeImageByMke2fs } from "../../harness/image.ts";
import { kernelExt4, mount } from "../../harness/mount.ts";
import { Scratch } from "../../harness/scratch.ts";
import { printedSeed, Random } from "../../harness/seed.ts";
import { testWith } from "../../harness/skip.ts";
import { mustBeSameTree, takeTree, type Tree } from "../../harness/tree.ts";
import { fill } from "./fill.ts";

testWith({
  name: "the kernel finds the same files after each change of size, and writes on",
  needs: [kernelExt4],
  fn() {
    using scratch = new Scratch("resize-kernel");
    const path = scratch.path("image");
    // So small a reserve that growing goes over to meta_bg.
    const options = ["-t", "ext4", "-b", "1024", "-g", "1024", "-E", "resize=60000"];
    makeImageByMke2fs(path, { size: "32M", options });
    {
      using image = open(path);
      fill(image, new Random(printedSeed("resize kernel")), 250, 30_000);
    }
    const look = (): Tree => {
      using mounted = mount("kernel", path, scratch.path("mnt"), { options: ["noatime"] });
      const tree = takeTree(mounted.mountpoint, { noTimes: true, without: ["written"] });
      Deno.writeFileSync(`${mounted.mountpoint}/written`, new Uint8Array(2 << 20).fill(7));
      return tree;
    };
    const before = look();
    for (const blocks of [120_000, 21_000, 40_000]) {
      const { newBlocks } = resize(path, blocks * 1024);
      assert.ok(newBlocks <= blocks && newBlocks > blocks - 1024);
      mustBeSameTree(before, look(), `${blocks} blocks`);
      mustBeClean(path);
    }
  },
});
