import assert from "node:assert/strict";
import { run } from "../../../tools/process.ts";
import { must } from "../../harness/commands.ts";
import { toByteString } from "../../harness/libc.ts";
import { kernelExt4, mount, type Mounted } from "../../harness/mount.ts";
import { Scratch } from "../../harness/scratch.ts";
import { numberFromEnv, Random, SEED_VARIABLE } from "../../harness/seed.ts";
import { type Need, programs, root, testWith } from "../../harness/skip.ts";
import { writeSourceTree } from "../../harness/source_tree.ts";
import { takeTree } from "../../harness/tree.ts";
import { changeTree } from "../images/changes.ts";
import { FEATURE_CASES, type FeatureCase } from "../images/feature_cases.ts";
import { askChecker, askE2fsck, describe } from "./judge.ts";

const seed = numberFromEnv(SEED_VARIABLE, 20_240_601);

function canMake(wanted: FeatureCase): Need {
  return () => {
    const image = Deno.makeTempFileSync({ prefix: "kfs-dry-" });
    const dry = run("mke2fs", ["-n", "-q", "-F", ...wanted.options, image, wanted.size ?? "64M"]);
    Deno.removeSync(image);
    return dry.code === 0
      ? undefined
      : `this mke2fs cannot: ${dry.stderr.trim().split("\n").at(-1)}`;
  };
}

/** Both must find nothing at all to complain of. */
function mustBeClean(image: string, when: string): void {
  const theirs = askE2fsck(image);
  const ours = askChecker(image, "replay");
  assert.ok(theirs.clean, `e2fsck, ${when}: ${theirs.complaints}`);
  assert.ok(ours.clean, `the checker, ${when}: ${describe(ours, 10)}`);
}

function kernelMount(image: string): Mounted | undefined {
  if (root() !== undefined || kernelExt4() !== undefined) return undefined;
  try {
    return mount("kernel", image, `${image}.kernel`, { options: ["noatime"] });
  } catch (error) {
    console.log(`not changed by the kernel: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

for (const wanted of FEATURE_CASES) {
  testWith({
    name: `what mke2fs and the kernel make is clean: ${wanted.name}`,
    needs: [programs("mke2fs", "e2fsck", "tune2fs"), canMake(wanted)],
    timeoutMs: 300_000,
    fn() {
      using scratch = new Scratch("healthy");
      const image = scratch.path("image");
      const source = scratch.makeFolder("source");
      const tree = { many: 300, longestLink: 900, largestAttribute: 350 };
      writeSourceTree(source, new Random(seed), tree);
      const size = wanted.size ?? "64M";
      must("mke2fs", ["-q", "-F", ...wanted.options, "-d", source, image, size]);
      // What mke2fs leaves behind in quota files is not right.
      run("e2fsck", ["-fy", image]);
      if (wanted.tune !== undefined) must("tune2fs", [...wanted.tune, image]);
      mustBeClean(image, "as mke2fs made it");
      using mounted = kernelMount(image);
      if (mounted === undefined) return;
      const bytes = toByteString(mounted.mountpoint);
      changeTree(bytes, takeTree(bytes, { sameImage: true }), seed, "kernel");
      mounted.unmount();
      mustBeClean(image, "as the kernel left it");
    },
  });
}

testWith({
  name: "folded names lie where the checker looks for them",
  needs: [programs("mke2fs", "e2fsck", "debugfs")],
  fn() {
    using scratch = new Scratch("folded");
    const image = scratch.path("image");
    const source = scratch.makeFolder("source");
    Deno.mkdirSync(`${source}/d`);
    for (let index = 0; index < 400; index++) {
      Deno.writeTextFileSync(`${source}/d/Ünïcode Straße ÅNGSTRÖM Ωmega ${index}`, "x");
    }
    const options = ["-O", "casefold", "-b", "1024", "-d", source, image, "16M"];
    must("mke2fs", ["-q", "-F", "-t", "ext4", ...options]);
    must("debugfs", ["-w", "-R", "sif /d flags 0x40080000", image]);
    // Makes the index, with hashes of folded names.
    run("e2fsck", ["-fyD", image]);
    assert.match(must("debugfs", ["-R", "htree_dump /d", image]), /Root node dump/);
    mustBeClean(image, "with an index of folded names");
    must("debugfs", ["-w", "-R", "sif /d flags 0x81000", image]);
    const { counts } = askChecker(image);
    assert.ok((counts.htree_low_hash ?? 0) + (counts.htree_high_hash ?? 0) > 0, "it did look");
  },
});
