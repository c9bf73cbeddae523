import assert from "node:assert/strict";
import { dumpText } from "../../../cmd/kfsctl/dump_text.ts";
import { dump, open } from "../../../mod.ts";
import { must, mustCommand, runCommand } from "../../harness/commands.ts";
import { makeImageByMke2fs } from "../../harness/image.ts";
import { Scratch } from "../../harness/scratch.ts";
import { Random } from "../../harness/seed.ts";
import { programs, testWith } from "../../harness/skip.ts";
import { lineDifferences } from "../mkfs/dumpe2fs.ts";
import { fill } from "../resize/fill.ts";

const NEEDS = [programs("mke2fs", "dumpe2fs", "tune2fs", "debugfs")];

/** Options of mke2fs. */
const CASES: readonly (readonly string[])[] = [
  ["-t", "ext4", "-b", "1024"],
  ["-t", "ext4", "-O", "quota,project,mmp,orphan_file,metadata_csum_seed,casefold,encrypt"],
  ["-t", "ext4", "-E", "stride=4,stripe-width=8,test_fs", "-L", "a label"],
  ["-t", "ext3", "-O", "uninit_bg", "-b", "1024"],
  ["-t", "ext2", "-b", "1024", "-r", "1"],
  ["-t", "ext4", "-O", "meta_bg,^resize_inode", "-b", "1024", "-g", "512"],
  ["-t", "ext4", "-O", "bigalloc", "-C", "16384", "-b", "1024"],
  ["-t", "ext4", "-O", "sparse_super2,^resize_inode", "-b", "1024"],
];

/** Lines without the differences that do not matter: spaces, names of users, ends of free clusters. */
function normal(text: string): string[] {
  return text.split("\n").map((line) =>
    line.replace(/\s+/g, " ").replace(/^(Reserved blocks .id: \d+).*/, "$1").trim()
  ).filter((line) => line !== "" && !/^(dumpe2fs|Backup block groups|mmp_magic)/.test(line));
}

/** With clusters dumpe2fs ends a range with the last cluster's first block. */
function withoutRanges(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith("Free blocks: "));
}

for (const options of CASES) {
  testWith({
    name: `kfsctl dump tells what dumpe2fs tells: ${options.join(" ")}`,
    needs: NEEDS,
    fn() {
      using scratch = new Scratch("dump");
      const path = scratch.path("image");
      makeImageByMke2fs(path, { size: "32M", options });
      {
        using image = open(path);
        fill(image, new Random(5), 120, 9000);
      }
      // With mmp both would wait for twenty seconds.
      if (!options.some((text) => text.includes("mmp"))) {
        must("tune2fs", ["-o", "journal_data", "-i", "10d", "-c", "7", "-e", "panic", path]);
        must("debugfs", ["-w", "-R", "set_super_value first_error_time 20230101", path]);
      }
      const theirs = normal(must("dumpe2fs", [path], { env: { LC_ALL: "C", TZ: "UTC" } }));
      const ours = normal(dumpText(dump(path)));
      const clusters = options.includes("bigalloc");
      const differences = clusters
        ? lineDifferences(withoutRanges(theirs), withoutRanges(ours))
        : lineDifferences(theirs, ours);
      assert.deepEqual(differences, []);
    },
  });
}

testWith({
  name: "kfsctl dump reads copies of the superblock and bad blocks, and refuses in one line",
  needs: NEEDS,
  fn() {
    using scratch = new Scratch("dump-command");
    const path = scratch.path("image");
    const bad = scratch.path("bad");
    Deno.writeTextFileSync(bad, "9000\n9001\n20000\n");
    makeImageByMke2fs(path, { size: "32M", options: ["-t", "ext4", "-b", "1024", "-l", bad] });
    assert.equal(mustCommand("kfsctl", ["dump", "-b", path]), "9000\n9001\n20000\n");
    const place = ["--superblock", "8193", "--blocksize", "1024"];
    const copy = JSON.parse(mustCommand("kfsctl", ["dump", "-h", "--json", ...place, path]));
    assert.equal(copy.header["Block count"], 32768);
    assert.equal(copy.groups, undefined);
    const all = JSON.parse(mustCommand("kfsctl", ["dump", "--json", path]));
    assert.equal(all.groups.length, 4);
    assert.equal(all.groups[1].superblock.block, 8193);
    const cases: [string[], number][] = [
      [["--superblock", "5000", "--blocksize", "1024", path], 1],
      [["--superblock", "5000", path], 2],
      [[`${path}.none`], 1],
      [[], 2],
    ];
    for (const [args, status] of cases) {
      const refused = runCommand("kfsctl", ["dump", ...args]);
      assert.equal(refused.code, status, refused.stderr);
      assert.match(refused.stderr, /^kfsctl dump: [^\n]+\n$/);
    }
  },
});
