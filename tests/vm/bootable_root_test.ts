/** The root file system that an example makes, booted. @module */

import assert from "node:assert/strict";
import { mustBeClean } from "../harness/e2fsck.ts";
import { Scratch } from "../harness/scratch.ts";
import { programs, testWith } from "../harness/skip.ts";
import { must } from "../harness/commands.ts";
import { findProgram, projectRoot } from "../../tools/process.ts";
import { runMachine } from "./guest.ts";
import { virtualMachine } from "./kernel.ts";

testWith({
  name: "vm: the root file system that the example makes is booted",
  needs: [virtualMachine, programs("e2fsck", "busybox")],
  fn: async () => {
    using scratch = new Scratch("boot");
    const image = scratch.path("root.img");
    const env = { BUSYBOX: findProgram("busybox") ?? "" };
    must(Deno.execPath(), ["run", "-A", `${projectRoot}/examples/bootable_root.ts`, image], {
      env,
    });
    mustBeClean(image);
    const folder = scratch.path("machine");
    Deno.mkdirSync(folder);
    const printed = await runMachine({ folder, shares: {}, script: "", disk: image });
    assert.match(printed, /BOOTED from \/dev\S* +ext4/);
  },
});
