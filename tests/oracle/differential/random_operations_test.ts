import { must } from "../../harness/commands.ts";
import { mustBeClean } from "../../harness/e2fsck.ts";
import { makeImage } from "../../harness/image.ts";
import * as libc from "../../harness/libc.ts";
import { kernelExt4, mount, type Mounted, underTest } from "../../harness/mount.ts";
import { Scratch } from "../../harness/scratch.ts";
import { numberFromEnv, printedSeed } from "../../harness/seed.ts";
import { root, testWith } from "../../harness/skip.ts";
import { mustBeSameTree } from "../../harness/tree.ts";
import { withLog } from "../../harness/verdict.ts";
import { mountNeeds } from "../program_case.ts";
import { PathRandom } from "./names.ts";
import type { Side } from "./operation.ts";
import { closeSlots, runSteps } from "./run.ts";
import { wholeTree } from "./state.ts";

/** Kinds of images; the reference has the same options, so that limits are the same. */
const FLAVOURS: readonly { readonly name: string; readonly options: readonly string[] }[] = [
  { name: "default", options: [] },
  { name: "1 KiB blocks", options: ["-b", "1024"] },
  { name: "block-mapped, no journal", options: ["-O", "^extent,^64bit,^has_journal"] },
  { name: "inline data", options: ["-O", "inline_data", "-I", "512"] },
  { name: "small inodes", options: ["-I", "128", "-O", "^metadata_csum"] },
];

/** Each flavour runs in this many parts, with a remount and a judgement after each. */
const PARTS = 3;

const STEPS = numberFromEnv("KFS_STEPS", 1500);

const SIZE = "1G";

function sideOf(mounted: Mounted): Side {
  return { root: libc.toByteString(mounted.mountpoint), slots: new Map() };
}

/** One part: both mounted, the steps, both unmounted; then the image under test is judged. */
function part(image: string, reference: string, random: PathRandom, steps: number): void {
  const options = ["noatime", "nodev", "nosuid"];
  using tested = mount(underTest(), image, `${image}.mnt`, { options: optionsFor(options) });
  using kernel = mount("kernel", reference, `${reference}.mnt`, { options });
  const left = sideOf(tested);
  const right = sideOf(kernel);
  libc.chmod(left.root, 0o1777);
  libc.chmod(right.root, 0o1777);
  try {
    runSteps(left, right, random, steps);
  } finally {
    closeSlots(left);
    closeSlots(right);
  }
  const expected = wholeTree(right.root);
  tested.unmount();
  mustBeClean(image, `after ${steps} steps`);
  using seen = mount("kernel", image, `${image}.kernel`, { options: ["ro"] });
  const found = wholeTree(libc.toByteString(seen.mountpoint));
  mustBeSameTree(found, expected, "the image in the kernel, and the kernel's own");
}

/** Permissions are the kernel's matter on both sides. */
function optionsFor(options: readonly string[]): readonly string[] {
  return underTest() === "kfs" ? [...options, "default_permissions", "allow_other"] : options;
}

for (const flavour of FLAVOURS) {
  testWith({
    name: `random operations answer and act as the kernel's ext4: ${flavour.name}`,
    needs: [...mountNeeds, root, kernelExt4],
    fn() {
      const seed = printedSeed(flavour.name);
      using scratch = new Scratch("random");
      const image = scratch.path("image");
      const reference = scratch.path("reference");
      makeImage(image, { size: SIZE, options: flavour.options });
      must("mke2fs", ["-q", "-F", "-t", "ext4", ...flavour.options, reference, SIZE]);
      const random = new PathRandom(seed);
      const old = libc.umask(0);
      try {
        withLog(image, () => {
          for (let turn = 0; turn < PARTS; turn++) {
            part(image, reference, random, Math.ceil(STEPS / PARTS));
          }
        });
      } finally {
        libc.umask(old);
      }
    },
  });
}
