import assert from "node:assert/strict";
import { projectRoot, run } from "../../../tools/process.ts";
import { must } from "../../harness/commands.ts";
import { Scratch } from "../../harness/scratch.ts";
import { numberFromEnv, printedSeed, Random } from "../../harness/seed.ts";
import { type Need, programs, testWith } from "../../harness/skip.ts";
import { writeSourceTree } from "../../harness/source_tree.ts";
import { cachedImages, fetchImages } from "./e2fsprogs_images.ts";
import type { Job } from "./probe.ts";
import { runProbes } from "./probe_process.ts";

const library: Need = () => {
  try {
    Deno.statSync(`${projectRoot}/mod.ts`);
    return undefined;
  } catch {
    return "there is no mod.ts";
  }
};

let fetched: { readonly reason: string | undefined } | undefined;

const e2fsprogsSource: Need = () => {
  fetched ??= { reason: programs("apt-get", "tar")() ?? fetchImages() };
  return fetched.reason;
};

/** Images are unpacked and tried some at a time, so that they do not fill the scratch folder. */
const BATCH = 40;

function report(faults: readonly string[], tried: number): void {
  const shown = faults.slice(0, 15).join("\n");
  assert.ok(faults.length === 0, `${faults.length} faults on ${tried} images:\n${shown}`);
}

testWith({
  name: "every test image of e2fsprogs opens, or does not, without a crash, a hang or a balloon",
  needs: [library, programs("gzip"), e2fsprogsSource],
  timeoutMs: 900_000,
  async fn() {
    const images = cachedImages();
    const faults: string[] = [];
    let entries = 0;
    for (let start = 0; start < images.length; start += BATCH) {
      using scratch = new Scratch("hostile");
      const jobs = images.slice(start, start + BATCH).map(({ name, path }): Job => {
        const image = scratch.path(name);
        run("sh", ["-c", 'gzip -dc "$1" > "$2"', "sh", path, image]);
        return { name, image, flips: 0, seed: 0 };
      });
      const batch = await runProbes(jobs);
      faults.push(...batch.faults);
      entries += batch.verdicts.reduce((sum, verdict) => sum + verdict.entries, 0);
    }
    console.log(`${images.length} images, ${entries} entries`);
    report(faults, images.length);
    assert.ok(entries > images.length, "the images were really read");
  },
});

const FLAVOURS: readonly (readonly string[])[] = [
  ["-t", "ext4"],
  ["-t", "ext4", "-O", "^metadata_csum,^has_journal"],
  ["-t", "ext2"],
  ["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,inline_data,ea_inode,^has_journal"],
  ["-t", "ext4", "-O", "^metadata_csum,bigalloc,^has_journal"],
  ["-t", "ext3", "-I", "128"],
];

const FLIPPED_IMAGES = numberFromEnv("KFS_FLIPS", 60);

for (const flavour of FLAVOURS) {
  const words = flavour.join(" ");
  testWith({
    name: `images with flipped bits do no harm: ${words}`,
    needs: [library, programs("mke2fs")],
    timeoutMs: 600_000,
    async fn() {
      const seed = printedSeed(words);
      using scratch = new Scratch("flips");
      const source = scratch.makeFolder("source");
      writeStructures(source, seed);
      const original = scratch.path("original");
      must("mke2fs", ["-q", "-F", ...flavour, "-d", source, original, "12M"]);
      const random = new Random(seed);
      const faults: string[] = [];
      for (let start = 0; start < FLIPPED_IMAGES; start += BATCH) {
        const jobs = Array.from({ length: Math.min(BATCH, FLIPPED_IMAGES - start) }, (_, index) => {
          const image = scratch.path(`flipped-${index}`);
          must("cp", ["--sparse=always", original, image]);
          const flips = random.pick([1, 2, 5, 20, 100]);
          const own = random.below(2 ** 31);
          return { name: `${words}, ${flips} flips, seed ${own}`, image, flips, seed: own };
        });
        faults.push(...(await runProbes(jobs)).faults);
      }
      report(faults, FLIPPED_IMAGES);
    },
  });
}

/** Much structure and little data, so that a flipped byte is likely to be structure. */
function writeStructures(folder: string, seed: number): void {
  writeSourceTree(folder, new Random(seed), { many: 400, longestLink: 900, largestAttribute: 350 });
  for (const name of ["size-1234567", "size-70000"]) Deno.truncateSync(`${folder}/${name}`, 0);
}
