/**
 * Many fsyncs at once share commits.
 *
 * @module
 */

import assert from "node:assert/strict";
import { must } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import * as libc from "../harness/libc.ts";
import { mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { testWith } from "../harness/skip.ts";
import { mountNeeds } from "./program_case.ts";

const FILES = 1000;

/** Calls on threads of the runtime, as many at once as it has. */
const threads = Deno.dlopen("libc.so.6", {
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize", nonblocking: true },
  fsync: { parameters: ["i32"], result: "i32", nonblocking: true },
});

/** The number that the journal's next transaction will have. */
function nextSequence(image: string): number {
  return Number(/Journal sequence:\s+(0x[0-9a-f]+)/.exec(must("dumpe2fs", ["-h", image]))?.[1]);
}

testWith({
  name: "a thousand fsyncs of different files are answered by far fewer commits",
  needs: mountNeeds,
  async fn() {
    using scratch = new Scratch("group-commit");
    const image = scratch.path("image");
    makeImage(image, { size: "128M" });
    const before = nextSequence(image);
    using mounted = mount("kfs", image, scratch.path("mnt"));
    const descriptors: number[] = [];
    for (let index = 0; index < FILES; index++) {
      const path = libc.toByteString(mounted.path(`file${index}`));
      const descriptor = libc.open(path, libc.O_CREAT | libc.O_WRONLY);
      assert.ok(descriptor >= 0);
      descriptors.push(descriptor);
    }
    const data = new Uint8Array(100).fill(7);
    const results = await Promise.all(descriptors.map(async (one) => {
      assert.equal(await threads.symbols.pwrite(one, data, 100n, 0n), 100n);
      return await threads.symbols.fsync(one);
    }));
    assert.ok(results.every((result) => result === 0));
    for (const descriptor of descriptors) libc.close(descriptor);
    mounted.unmount();
    const commits = nextSequence(image) - before;
    console.log(`${FILES} fsyncs: ${commits} commits, those of the mount included`);
    assert.ok(commits < FILES / 2, `${commits} commits`);
    mustBeClean(image, "after the fsyncs");
  },
});
