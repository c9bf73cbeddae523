import assert from "node:assert/strict";
import { resize } from "../../../fs/resize/resize.ts";
import { tune, type TuneOptions } from "../../../fs/tune/tune.ts";
import { format, type FormatOptions, MemoryImage, open } from "../../../mod.ts";
import { Scratch } from "../../harness/scratch.ts";
import { printedSeed, Random } from "../../harness/seed.ts";
import { programs, testWith } from "../../harness/skip.ts";
import { mustSurviveCrashes } from "./crash_states.ts";
import { fill } from "./fill.ts";

const CONTEXT = { now: () => 1_700_000_000 };

function madeImage(random: Random, bytes: number, options: FormatOptions): MemoryImage {
  const image = new MemoryImage(bytes);
  format(image, { blockBytes: 1024, ...options });
  using filled = open(image);
  fill(filled, random, 250, 30_000);
  return image;
}

testWith({
  name: "a change of size that ends at any moment leaves a whole file system",
  needs: [programs("e2fsck")],
  fn() {
    using scratch = new Scratch("resize-crash");
    const random = new Random(printedSeed("resize crash"));
    const image = madeImage(random, 40 << 20, { size: 24 << 20 });
    for (const blocks of [11_500, 39_000]) {
      mustSurviveCrashes(scratch, random, image, `${blocks} blocks`, (device) => {
        assert.equal(resize(device, blocks, CONTEXT).stored, "journal");
      });
    }
  },
});

/** Changes of everything that has a checksum. */
const CHANGES: readonly TuneOptions[] = [
  { uuid: new Uint8Array(16).fill(0x5a) },
  { features: ["^metadata_csum"] },
  { features: ["metadata_csum", "quota", "orphan_file"] },
];

testWith({
  name: "a change of features that ends at any moment leaves a whole file system",
  needs: [programs("e2fsck")],
  fn() {
    using scratch = new Scratch("tune-crash");
    const random = new Random(printedSeed("tune crash"));
    const image = madeImage(random, 24 << 20, { journal: { sizeBytes: 4 << 20 } });
    for (const change of CHANGES) {
      mustSurviveCrashes(scratch, random, image, Object.keys(change).join(), (device) => {
        assert.equal(tune(device, change, CONTEXT), "journal");
      });
    }
  },
});
