import assert from "node:assert/strict";
import { open, resize } from "../../../mod.ts";
import { must, runCommand } from "../../harness/commands.ts";
import { mustBeClean } from "../../harness/e2fsck.ts";
import { makeImageByMke2fs } from "../../harness/image.ts";
import { imageDigest } from "../../harness/image_digest.ts";
import { Scratch } from "../../harness/scratch.ts";
import { printedSeed, Random } from "../../harness/seed.ts";
import { programs, testWith } from "../../harness/skip.ts";
import { fill } from "./fill.ts";

/** Images, and numbers of blocks of 1 KiB that they are given one after the other. */
interface Case {
  readonly name: string;
  readonly options: readonly string[];
  readonly blocks: readonly number[];
  /** Where descriptors go when there is no room for them is decided in another way than resize2fs does. */
  readonly ownDescriptors?: boolean;
}

const CASES: readonly Case[] = [
  { name: "usual", options: [], blocks: [20_000, 16_384, 70_000] },
  {
    name: "the reserve for descriptors used up, mmp",
    options: ["-g", "1024", "-E", "resize=60000", "-O", "mmp"],
    blocks: [120_000],
    ownDescriptors: true,
  },
  { name: "without a journal", options: ["-O", "^has_journal"], blocks: [16_000, 60_000] },
  {
    name: "as ext3",
    options: ["-O", "^extent,^64bit,^metadata_csum,^flex_bg,^huge_file"],
    blocks: [20_000, 50_000],
  },
  {
    name: "meta_bg",
    options: ["-O", "meta_bg,^resize_inode", "-g", "1024"],
    blocks: [20_000, 50_000],
  },
  {
    name: "sparse_super2",
    options: ["-O", "sparse_super2,^resize_inode"],
    blocks: [17_000, 35_000],
  },
  {
    name: "uninit_bg, tables in their groups",
    options: ["-O", "^flex_bg,^metadata_csum,uninit_bg", "-N", "12000"],
    blocks: [20_000, 50_000],
  },
  {
    name: "quota, project, orphan_file",
    options: ["-O", "quota,project,orphan_file"],
    blocks: [20_000, 50_000],
  },
  {
    name: "inline data and values in inodes",
    options: ["-O", "inline_data,ea_inode", "-N", "12000"],
    blocks: [18_000, 50_000],
  },
];

/** What must be equal: counts, features, and where the backups of the superblock are. */
function layoutOf(image: string): readonly string[] {
  const text = must("dumpe2fs", [image], { env: { LC_ALL: "C" } });
  return text.split("\n").filter((line) =>
    /^(Inode count|Block count|Reserved block count|Free inodes|Filesystem features|Reserved GDT)/
      .test(line) || /^ +(Primary|Backup) superblock/.test(line)
  );
}

function freeBlocks(image: string): number {
  const found = /^Free blocks: +(\d+)$/m.exec(must("dumpe2fs", ["-h", image]));
  return Number(found?.[1]);
}

for (const one of CASES) {
  testWith({
    name: `kfsctl resize makes what resize2fs makes: ${one.name}`,
    needs: [programs("mke2fs", "resize2fs", "dumpe2fs", "e2fsck")],
    fn() {
      using scratch = new Scratch("resize");
      const random = new Random(printedSeed(one.name));
      const [path, other] = [scratch.path("image"), scratch.path("other")];
      makeImageByMke2fs(path, {
        size: "32M",
        options: ["-t", "ext4", "-b", "1024", ...one.options],
      });
      {
        using image = open(path);
        fill(image, random, 200, 20_000);
      }
      Deno.copyFileSync(path, other);
      const files = imageDigest(path);
      for (const blocks of one.blocks) {
        resize(path, blocks * 1024);
        mustBeClean(path, `after the change to ${blocks} blocks`);
        assert.deepEqual(imageDigest(path), files);
        if (one.ownDescriptors === true) continue;
        const bytes = Math.max(Deno.statSync(other).size, blocks * 1024);
        Deno.truncateSync(other, bytes);
        must("resize2fs", ["-f", other, String(blocks)]);
        assert.deepEqual(layoutOf(path), layoutOf(other));
        // Maps may need a node more or less.
        assert.ok(Math.abs(freeBlocks(path) - freeBlocks(other)) <= 8);
      }
    },
  });
}

testWith({
  name: "files survive any change of size",
  needs: [programs("e2fsck")],
  fn() {
    using scratch = new Scratch("resize-random");
    const random = new Random(printedSeed("resize random"));
    const path = scratch.path("image");
    const clusters = random.pick([[], ["-O", "bigalloc", "-C", "4096"], ["-O", "^has_journal"]]);
    makeImageByMke2fs(path, { size: "40M", options: ["-t", "ext4", "-b", "1024", ...clusters] });
    {
      using image = open(path);
      fill(image, random, 300, 40_000);
    }
    const files = imageDigest(path);
    for (let i = 0; i < 5; i++) {
      const size = random.chance(25) ? "minimum" : random.between(18_000, 120_000) * 1024;
      resize(path, size);
      mustBeClean(path, `of ${size}`);
      assert.deepEqual(imageDigest(path), files, `${size}`);
    }
  },
});

testWith({
  name: "kfsctl resize changes the image file, too, and refuses in one line",
  needs: [programs("mke2fs")],
  fn() {
    using scratch = new Scratch("resize-command");
    const path = scratch.path("image");
    makeImageByMke2fs(path, { size: "16M", options: ["-t", "ext4"] });
    const size = (): number => Deno.statSync(path).size;
    const grown = runCommand("kfsctl", ["resize", path, "48M"]);
    assert.equal(grown.code, 0, grown.stderr);
    assert.match(grown.stdout, /16 MiB before, 48 MiB now: /);
    assert.equal(size(), 48 << 20);
    const small = JSON.parse(runCommand("kfsctl", ["resize", "-M", "--json", path]).stdout);
    assert.equal(small.newBytes, size());
    assert.ok(size() < 8 << 20);
    mustBeClean(path);
    const before = Deno.readFileSync(path);
    for (
      const [args, status] of [[[path, "1k"], 1], [[path, "-M", "3M"], 2], [[path, "x"], 2], [
        [],
        2,
      ]] as const
    ) {
      const refused = runCommand("kfsctl", ["resize", ...args]);
      assert.equal(refused.code, status, refused.stderr);
      assert.match(refused.stderr, /^kfsctl resize: [^\n]+\n$/);
    }
    assert.deepEqual(Deno.readFileSync(path), before);
  },
});
