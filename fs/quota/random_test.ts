import assert from "node:assert/strict";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { EDQUOT } from "../errno.ts";
import { toolMissing } from "../layout/testing.ts";
import { ALL_QUOTAS, EVERY_KIND, QuotaImage } from "./testing.ts";
import { RandomTree } from "./testing_actions.ts";

/** Kinds of images: what is added to an ext4 with all quotas. */
const KINDS_OF_IMAGE: readonly (readonly string[])[] = [
  ["-b", "1024"],
  ["-b", "4096"],
  ["-b", "4096", "-O", "inline_data,ea_inode"],
  ["-b", "1024", "-O", "bigalloc,ea_inode", "-C", "8192"],
  ["-b", "4096", "-O", "^extent,^64bit,^metadata_csum"],
  ["-b", "1024", "-I", "1024", "-O", "ea_inode"],
];
const IMAGE_BYTES = 48 << 20;
const STEPS = 1000;

for (const options of KINDS_OF_IMAGE) {
  for (const user of [false, true]) {
    const name = `quota: random changes${user ? " within limits" : ""}, ${options.join(" ")}`;
    Deno.test({
      name,
      ignore: toolMissing("mke2fs"),
      fn() {
        const random = new Random(printedSeed(name));
        const limits = user ? EVERY_KIND : [];
        const image = QuotaImage.make([...ALL_QUOTAS, ...options], IMAGE_BYTES, limits);
        const tree = new RandomTree(image.engine, random, user);
        if (user) setRandomLimits(image, random);
        const answers = new Map<number, number>();
        for (let step = 0; step < STEPS; step++) {
          if (step === STEPS / 2) {
            image.reopen(limits);
            tree.engine = image.engine;
          }
          const answer = user ? image.asUser(() => tree.step()) : tree.step();
          const kind = Math.min(0, answer);
          answers.set(kind, (answers.get(kind) ?? 0) + 1);
        }
        image.check();
        assert.ok((answers.get(0) ?? 0) > STEPS / 2, `few changes: ${[...answers]}`);
        assert.equal(answers.has(-EDQUOT), user, `EDQUOT: ${[...answers]}`);
        if (user) mustBeWithinLimits(image);
      },
    });
  }
}

const LIMITED = [1, 255, 1000, 65_536] as const;

function setRandomLimits(image: QuotaImage, random: Random): void {
  for (const kind of EVERY_KIND) {
    for (const id of LIMITED) {
      image.limit(kind, id, {
        spaceHard: 100 + random.below(2000),
        spaceSoft: 100,
        inodesHard: 5 + random.below(30),
      });
    }
  }
}

function mustBeWithinLimits(image: QuotaImage): void {
  for (const kind of EVERY_KIND) {
    for (const id of LIMITED) {
      const entry = image.engine.quota?.accounts(kind)?.entry(id);
      assert.ok(entry !== undefined);
      assert.ok(entry.spaceBytes <= entry.blockHardLimit * 1024, `${kind} ${id}: space`);
      assert.ok(entry.inodes <= entry.inodeHardLimit, `${kind} ${id}: inodes`);
    }
  }
}
