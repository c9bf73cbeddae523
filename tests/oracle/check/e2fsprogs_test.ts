import assert from "node:assert/strict";
import { run } from "../../../tools/process.ts";
import { Superblock, SUPERBLOCK_BYTES } from "../../../fs/layout/superblock.ts";
import { Incompat } from "../../../fs/layout/features.ts";
import { Scratch } from "../../harness/scratch.ts";
import { type Need, programs, testWith } from "../../harness/skip.ts";
import { cachedImages, fetchImages } from "../hostile/e2fsprogs_images.ts";
import { askChecker, askE2fsck, compare, describe, type E2fsckVerdict } from "./judge.ts";

let fetched: { readonly reason: string | undefined } | undefined;

const e2fsprogsSource: Need = () => {
  fetched ??= { reason: programs("apt-get", "tar")() ?? fetchImages() };
  return fetched.reason;
};

const FORGOTTEN = "e2fsck -n reports it, and forgets it in its exit status";

/** Images of which the two may say different things, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  f_bad_gdt_csum: FORGOTTEN,
  f_first_meta_bg_too_big: FORGOTTEN,
  f_uninit_enable: FORGOTTEN,
  f_zero_inode_size: FORGOTTEN,
  f_ext_journal: "the journal is on a device that is not there: e2fsck does not start",
};

/** e2fsck asks the same question for ever when it may not repair. */
const ENDLESS: ReadonlySet<string> = new Set(["f_illitable_flexbg", "f_misstable"]);

testWith({
  name: "of every test image of e2fsprogs the checker says what e2fsck -fn says",
  needs: [programs("gzip", "e2fsck"), e2fsprogsSource],
  timeoutMs: 600_000,
  fn() {
    using scratch = new Scratch("agree");
    const image = scratch.path("image");
    const wrong: string[] = [];
    let same = 0;
    const images = cachedImages();
    for (const { name, path } of images) {
      run("sh", ["-c", 'gzip -dc "$1" > "$2"', "sh", path, image]);
      const theirs: E2fsckVerdict = ENDLESS.has(name)
        ? { clean: false, complained: true, complaints: "", status: 4 }
        : askE2fsck(image);
      const ours = askChecker(image);
      const agreement = compare(theirs, ours);
      if (agreement === "same") same++;
      else if (EXCEPTIONS[name] === undefined) {
        wrong.push(
          `${name}: ${agreement}: e2fsck ${theirs.status} ${theirs.complaints}; ${describe(ours)}`,
        );
      }
      const found = ours.errors + ours.warnings + ours.notes > 0;
      if (theirs.complained && !found) wrong.push(`${name}: nothing of: ${theirs.complaints}`);
    }
    console.log(
      `${same} of ${images.length} the same; ${Object.keys(EXCEPTIONS).length} with reasons`,
    );
    for (const [name, reason] of Object.entries(EXCEPTIONS)) console.log(`  ${name}: ${reason}`);
    assert.equal(wrong.length, 0, wrong.join("\n"));
  },
});

/** Journals that are damaged: what a replay makes of them is not compared. */
const DAMAGED_JOURNALS: ReadonlySet<string> = new Set([
  "f_ext_journal",
  "f_journal",
  "j_corrupt_journal_block",
  "j_corrupt_revoke_rcount",
  "j_corrupt_sb_csum",
  "j_corrupt_sb_magic",
]);

testWith({
  name: "where a journal needs recovery the checker says what e2fsck says after the replay",
  needs: [programs("gzip", "e2fsck"), e2fsprogsSource],
  timeoutMs: 300_000,
  fn() {
    using scratch = new Scratch("replayed");
    const image = scratch.path("image");
    const copy = scratch.path("copy");
    let tried = 0;
    for (const { name, path } of cachedImages()) {
      run("sh", ["-c", 'gzip -dc "$1" > "$2"', "sh", path, image]);
      if (!needsRecovery(image) || DAMAGED_JOURNALS.has(name)) continue;
      Deno.copyFileSync(image, copy);
      run("e2fsck", ["-E", "journal_only", "-fy", copy]);
      const theirs = askE2fsck(copy);
      const ours = askChecker(image, "replay");
      assert.equal(
        compare(theirs, ours),
        "same",
        `${name}: ${theirs.complaints}; ${describe(ours)}`,
      );
      assert.equal(ours.counts.journal_replayed, 1, name);
      tried++;
    }
    assert.ok(tried >= 8, `${tried} journals`);
  },
});

function needsRecovery(image: string): boolean {
  const bytes = Deno.readFileSync(image).subarray(1024, 1024 + SUPERBLOCK_BYTES);
  if (bytes.length < SUPERBLOCK_BYTES) return false;
  const superblock = new Superblock(bytes.slice());
  return superblock.magic === 0xef53 && superblock.hasIncompat(Incompat.RECOVER);
}
