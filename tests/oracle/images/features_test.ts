import { must } from "../../harness/commands.ts";
import { mustBeClean } from "../../harness/e2fsck.ts";
import * as libc from "../../harness/libc.ts";
import { kernelExt4, mount, type Mounted, underTest } from "../../harness/mount.ts";
import { Scratch } from "../../harness/scratch.ts";
import { numberFromEnv, Random, SEED_VARIABLE } from "../../harness/seed.ts";
import { type Need, root, testWith } from "../../harness/skip.ts";
import { writeSourceTree } from "../../harness/source_tree.ts";
import { mustBeSameTree, takeTree, type Tree } from "../../harness/tree.ts";
import { withLog } from "../../harness/verdict.ts";
import { run } from "../../../tools/process.ts";
import { mountNeeds } from "../program_case.ts";
import { changeTree } from "./changes.ts";
import { FEATURE_CASES, type FeatureCase } from "./feature_cases.ts";

const seed = numberFromEnv(SEED_VARIABLE, 20_240_601);

/** fuse2fs (which may stand in) numbers its inodes itself. */
const exact = { sameImage: underTest() !== "fuse2fs" };

/** Needs a mke2fs that knows the features; asked with a dry run. */
function canMake(wanted: FeatureCase): Need {
  return () => {
    const image = Deno.makeTempFileSync({ prefix: "kfs-dry-" });
    const size = wanted.size ?? "64M";
    const dry = run("mke2fs", ["-n", "-q", "-F", ...wanted.options, image, size]);
    Deno.removeSync(image);
    return dry.code === 0
      ? undefined
      : `this mke2fs cannot: ${dry.stderr.trim().split("\n").at(-1)}`;
  };
}

/** Populating leaves quota files behind the usage: e2fsck brings them up to it. */
function prepare(wanted: FeatureCase, scratch: Scratch, image: string): void {
  const source = scratch.makeFolder("source");
  writeSourceTree(source, new Random(seed), { many: 120, longestLink: 900, largestAttribute: 350 });
  const size = wanted.size ?? "64M";
  must("mke2fs", ["-q", "-F", ...wanted.options, "-d", source, image, size]);
  run("e2fsck", ["-fy", image]);
  if (wanted.tune !== undefined) must("tune2fs", [...wanted.tune, image]);
  mustBeClean(image, "as mke2fs made it");
}

/** The tree as the kernel sees it on the image (not in its page cache); undefined where the kernel does not mount such an image. */
function kernelView(
  image: string,
  change?: (mounted: Mounted, tree: Tree) => void,
): Tree | undefined {
  const options = change === undefined ? ["ro"] : ["noatime"];
  let mounted: Mounted;
  try {
    mounted = mount("kernel", image, `${image}.kernel`, { options });
  } catch (error) {
    console.log(`not compared with the kernel: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
  using kernel = mounted;
  if (change === undefined) return settledTree(kernel);
  change(kernel, takeTree(libc.toByteString(kernel.mountpoint), exact));
  kernel.unmount();
  return kernelView(image);
}

/** Delayed allocation counts its blocks only once they are written. */
function settledTree(mounted: Mounted): Tree {
  must("sync", ["-f", mounted.mountpoint]);
  const tree = takeTree(libc.toByteString(mounted.mountpoint), exact);
  mounted.unmount();
  return tree;
}

/** The tree under test; with `change`, before and after it, in one mount. */
function testedViews(
  image: string,
  options: readonly string[],
  change?: (mounted: Mounted, before: Tree) => void,
): { readonly before: Tree; readonly after: Tree } {
  using tested = mount(underTest(), image, `${image}.mnt`, { options });
  const before = takeTree(libc.toByteString(tested.mountpoint), exact);
  change?.(tested, before);
  return { before, after: settledTree(tested) };
}

function mustAgree(tested: Tree, kernel: Tree | undefined, what: string): void {
  if (kernel !== undefined) mustBeSameTree(tested, kernel, `${what}: under test and kernel`);
}

/** Reads what mke2fs made, changes it, lets the kernel change it, reads it again. */
function workOn(image: string): void {
  const untouched = kernelView(image);
  const { before, after } = testedViews(image, ["noatime"], (mounted, tree) => {
    changeTree(libc.toByteString(mounted.mountpoint), tree, seed, "tested");
  });
  mustAgree(before, untouched, "untouched");
  mustBeClean(image, "after the changes");
  if (untouched === undefined) {
    mustBeSameTree(after, testedViews(image, ["ro"]).after, "before and after a remount");
    return;
  }
  mustAgree(after, kernelView(image), "changed by the mount under test");
  const kernel = kernelView(image, (mounted, tree) => {
    changeTree(libc.toByteString(mounted.mountpoint), tree, seed + 1, "kernel");
  });
  mustAgree(testedViews(image, ["noatime"]).after, kernel, "changed by the kernel");
  mustBeClean(image, "at the end");
}

/** A mount that may be refused: true when it was, in words. */
function refused(image: string, options: readonly string[]): boolean {
  try {
    mount(underTest(), image, `${image}.mnt`, { options }).unmount();
    return false;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    if (/panicked|at file:|Uncaught|stack/.test(words)) throw error;
    console.log(`refused: ${words.trim().split("\n").at(-1)}`);
    return true;
  }
}

function testCase(wanted: FeatureCase, image: string): void {
  const expect = wanted.expect ?? "read-write";
  if (expect === "read-write" || !refused(image, [])) return workOn(image);
  if (expect === "refused" && refused(image, ["ro"])) return;
  mustAgree(testedViews(image, ["ro"]).after, kernelView(image), "read-only");
  mustBeClean(image, "after a read-only mount");
}

for (const wanted of FEATURE_CASES) {
  const name = `an image of mke2fs, read and changed: ${wanted.name}`;
  testWith({
    name,
    needs: [...mountNeeds, root, kernelExt4, canMake(wanted)],
    fn() {
      using scratch = new Scratch("feature");
      const image = scratch.path("image");
      prepare(wanted, scratch, image);
      withLog(image, () => testCase(wanted, image));
    },
  });
}
