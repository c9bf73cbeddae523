/**
 * Multiple mount protection between kfs and the kernel: who comes second is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { must, runCommand } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import { kernelExt4, mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { testWith } from "../harness/skip.ts";
import { run } from "../../tools/process.ts";
import { mountNeeds } from "./program_case.ts";

/** A loop device of its own: mount(8) would find the one that kfs put on the image. */
class Loop implements Disposable {
  readonly path: string;

  constructor(image: string) {
    this.path = must("losetup", ["--show", "-f", image]).trim();
  }

  [Symbol.dispose](): void {
    run("losetup", ["-d", this.path]);
  }
}

testWith({
  name: "an image with mmp: the kernel refuses it while kfs has it, and the other way round",
  needs: [...mountNeeds, kernelExt4],
  fn() {
    using scratch = new Scratch("mmp");
    const image = scratch.path("image");
    makeImage(image, { size: "64M", options: ["-O", "mmp"] });
    const [kfsMount, kernelMount] = [scratch.path("kfs"), scratch.makeFolder("kernel")];
    {
      using mounted = mount("kfs", image, kfsMount);
      using loop = new Loop(image);
      const refused = run("mount", ["-t", "ext4", loop.path, kernelMount]);
      assert.notEqual(refused.code, 0, "the kernel mounts what kfs has mounted");
      Deno.writeTextFileSync(mounted.path("file"), "text");
    }
    mustBeClean(image, "after kfs unmounted");
    assert.match(must("debugfs", ["-R", "dump_mmp", image]), /sequence: ff4d4d50/);
    {
      using kernel = mount("kernel", image, kernelMount);
      const refused = runCommand("kfs", [image, kfsMount]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /in use \(multiple mount protection\): another mount is active/);
      assert.equal(Deno.readTextFileSync(kernel.path("file")), "text");
    }
    mount("kfs", image, kfsMount).unmount();
    mustBeClean(image, "at the end");
  },
});
