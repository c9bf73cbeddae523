import assert from "node:assert/strict";
import { check, type CheckReport } from "../../../fs/check/check.ts";
import { Anatomy } from "../../fuzz/anatomy.ts";
import { makeBase, writeSource } from "../../fuzz/base_image.ts";
import { Mutator } from "../../fuzz/mutate.ts";
import { OverlayDevice } from "../../fuzz/overlay_device.ts";
import { SHAPES } from "../../fuzz/shapes.ts";
import { Scratch } from "../../harness/scratch.ts";
import { numberFromEnv, Random, SEED_VARIABLE } from "../../harness/seed.ts";
import { programs, testWith } from "../../harness/skip.ts";
import { askE2fsck, compare, describe } from "./judge.ts";

/** The seed of CI is fixed: what it found once is mended, or has its reason below. */
const SEED = numberFromEnv(SEED_VARIABLE, 20_240_601);
const IMAGES = numberFromEnv("KFS_CHECKED_IMAGES", 1000);
/** No check of these images of a few MiB takes longer, on a busy machine. */
const LIMIT_MS = 20_000;

/** Where e2fsck fails and the checker is right to find no errors. */
const REASONED: readonly {
  readonly reason: string;
  readonly applies: (r: CheckReport) => boolean;
}[] = [
  {
    reason: "the journal is said to be on another device: e2fsck wants that device",
    applies: ({ counts }) => counts.journal_external !== undefined,
  },
];

testWith({
  name: "of mutated images the checker says what e2fsck says",
  needs: [programs("mke2fs", "e2fsck")],
  timeoutMs: 900_000,
  fn() {
    console.log(
      `checked images: seed ${SEED} (${SEED_VARIABLE}=… and KFS_CHECKED_IMAGES=… change)`,
    );
    using scratch = new Scratch("checked");
    Deno.mkdirSync(`${scratch.folder}/source`);
    writeSource(`${scratch.folder}/source`);
    const bases = new Map<number, Anatomy>();
    const counts = { same: 0, missed: 0, forgiven: 0, stricter: 0 };
    const missed: string[] = [];
    const image = scratch.path("image");
    for (let index = 0; index < IMAGES; index++) {
      const random = new Random((Math.imul(SEED, 0x9e3779b1) + Math.imul(index, 0x85ebca77)) | 0);
      const shape = random.below(SHAPES.length);
      const { name, base } = baseOf(bases, shape, scratch.folder);
      const device = new OverlayDevice(base.base);
      const mutations = new Mutator(base, device, random).run();
      Deno.writeFileSync(image, device.content());
      const began = performance.now();
      const ours = check(device, { journal: "ignore" });
      assert.ok(performance.now() - began < LIMIT_MS, `image ${index} took too long`);
      const theirs = askE2fsck(image);
      const agreement = compare(theirs, ours);
      counts[agreement]++;
      if (agreement === "same" || agreement === "forgiven") continue;
      const done = mutations.map(({ description }) => description).join("; ");
      const line =
        `${agreement}: image ${index} (${name}): ${done}\n  e2fsck (${theirs.status}): ` +
        `${theirs.complaints}\n  checker: ${describe(ours)}`;
      console.log(line);
      const reasoned = REASONED.some(({ applies }) => applies(ours));
      if (agreement === "missed" && !reasoned) missed.push(line);
    }
    console.log(`${IMAGES} images: ${JSON.stringify(counts)}`);
    assert.equal(missed.length, 0, missed.slice(0, 10).join("\n"));
  },
});

function baseOf(
  bases: Map<number, Anatomy>,
  shape: number,
  folder: string,
): { readonly name: string; readonly base: Anatomy } {
  const row = SHAPES[shape];
  if (row === undefined) throw new RangeError(`shape ${shape}`);
  let base = bases.get(shape);
  if (base === undefined) {
    base = new Anatomy(makeBase(row, folder));
    bases.set(shape, base);
  }
  return { name: row.name, base };
}
