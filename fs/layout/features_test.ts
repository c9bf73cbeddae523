import assert from "node:assert/strict";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { featureByName, featureNames, FEATURES } from "./features.ts";
import { decodeSuperblock } from "./superblock.ts";
import { makeImage, runTool, withTempDir } from "./testing.ts";

Deno.test("each feature has one bit, which no other of its word has", () => {
  const seen = new Set<string>();
  for (const { name, word, mask } of FEATURES) {
    assert.equal(Math.log2(mask) % 1, 0, name);
    assert.ok(!seen.has(`${word} ${mask}`), name);
    seen.add(`${word} ${mask}`);
    assert.deepEqual(featureByName(name), { name, word, mask });
    assert.deepEqual(featureNames(word, mask), [name]);
  }
  assert.equal(featureByName("extents")?.name, "extent");
  assert.equal(featureByName("nonsense"), undefined);
  assert.deepEqual(featureNames("incompat", 0x80000002), ["filetype", "FEATURE_I31"]);
});

testWith({
  name: "every feature that debugfs supports is known by the same name",
  needs: [programs("debugfs")],
  fn: () => {
    const text = new TextDecoder().decode(runTool("debugfs", ["-R", "supported_features"]));
    const names = text.replace("Supported features:", "").trim().split(/\s+/);
    assert.ok(names.length > 20);
    for (const name of names) {
      // Features of the journal, and of e2fsprogs' own debugging, are not in these words.
      if (name.startsWith("journal_") || name.startsWith("FEATURE_")) continue;
      assert.ok(featureByName(name), name);
    }
  },
});

testWith({
  name: "feature words are spelled as dumpe2fs spells them",
  needs: [programs("mke2fs", "dumpe2fs")],
  fn: () =>
    withTempDir((dir) => {
      const sets = [
        "has_journal,metadata_csum,metadata_csum_seed,ea_inode,large_dir,mmp,orphan_file,verity",
        "uninit_bg,^metadata_csum,^64bit,inline_data,quota,project,casefold,encrypt",
        "bigalloc,sparse_super2,^resize_inode,stable_inodes",
      ];
      for (const features of sets) {
        const image = makeImage(`${dir}/image`, 16 << 20, ["-t", "ext4", "-O", features]);
        const superblock = decodeSuperblock(image.subarray(1024, 2048));
        const own = [
          ...featureNames("compat", superblock.featureCompat),
          ...featureNames("incompat", superblock.featureIncompat),
          ...featureNames("roCompat", superblock.featureRoCompat),
        ];
        const text = new TextDecoder().decode(runTool("dumpe2fs", ["-h", `${dir}/image`]));
        const theirs = /^Filesystem features: +(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/);
        assert.deepEqual(own, theirs);
      }
    }),
});
