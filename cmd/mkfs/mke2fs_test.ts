/**
 * Every option set gives what mke2fs makes of it: the same dumpe2fs output but for times and what is
 * named in docs/mkfs.md, and an image that e2fsck finds clean.
 */

import assert from "node:assert/strict";
import { findProgram } from "../../tools/process.ts";
import { testWith } from "../../tests/harness/skip.ts";
import { main } from "../mkfs.ts";

const UUID = "11111111-2222-4333-8444-555555555555";
const HASH_SEED = "66666666-7777-4888-8999-aaaaaaaaaaaa";
const TIME = "1700000000";

/** Size, then options that both programs understand. `-E` lists are joined for mke2fs. */
const SETS: readonly string[] = [
  "1G",
  "200M",
  "64M",
  "8M",
  "2M",
  "300K",
  "10G",
  "8193K -b 1024",
  "16385K -b 1024",
  "300M -b 1024",
  "64M -b 2048",
  "64M -b 4096",
  "129M -b 4096",
  "1G -b 8192",
  "1G -b 16384",
  "1G -b 32768",
  "2G -b 65536",
  "64M -t ext2",
  "64M -t ext3",
  "1G -t ext3",
  "1G -t ext2 -j",
  "1G -r 0 -t ext2",
  "1G -O none",
  "1G -O ^flex_bg",
  "64M -O ^flex_bg",
  "1G -O ^resize_inode",
  "1G -O meta_bg,^resize_inode",
  "1G -O bigalloc",
  "200M -O bigalloc",
  "1G -O bigalloc -C 16384",
  "1G -O sparse_super2",
  "1G -O sparse_super2 -E num_backup_sb=1",
  "1G -O sparse_super2 -E num_backup_sb=0",
  "1G -O ^sparse_super,^resize_inode",
  "1G -O ^64bit",
  "1G -O ^64bit,^extent",
  "1G -O ^metadata_csum",
  "1G -O ^metadata_csum,uninit_bg",
  "1G -O metadata_csum_seed,orphan_file",
  "64M -O orphan_file",
  "1G -O quota",
  "1G -O quota,project",
  "1G -O quota -E root_owner=1000:1001",
  "64M -O quota -E quotatype=prjquota",
  "1G -O inline_data",
  "64M -O inline_data",
  "1G -O casefold",
  "1G -O encrypt,verity,stable_inodes,ea_inode,large_dir",
  "1G -O fast_commit",
  "1G -O ^has_journal",
  "1G -I 128",
  "1G -I 512",
  "1G -I 1024",
  "1G -i 8192",
  "1G -N 100000",
  "1G -G 4",
  "1G -G 64",
  "1G -G 1",
  "1G -g 8192",
  "1G -E packed_meta_blocks=1",
  "1G -E stride=16,stripe_width=64",
  "1G -E stride=16 -O ^flex_bg",
  "1G -E resize=2G",
  "1G -E desc_size=128",
  "1G -E test_fs",
  "1G -m 1 -e remount-ro",
  "1G -L label -M /mnt/point -e panic",
  "1G -T news",
  "1G -T largefile",
  "1G -T largefile4",
  "1G -T small",
  "1G -T big",
  "1G -J size=8",
  "1G -J size=16,location=100M",
  "100M -O ^has_journal,^resize_inode",
  "1G -o hurd",
  "1G -o freebsd",
  "1G -O journal_dev",
];

/** What both programs must refuse. */
const REFUSED: readonly string[] = [
  "64M -O nosuch",
  "64M -O ^extent",
  "64M -O meta_bg",
  "64M -O ^sparse_super",
  "64M -O bigalloc -t ext2",
  "64M -O orphan_file,^has_journal",
  "64M -O journal_dev -C 8192",
  "64M -G 3",
  "64M -G 16 -t ext2",
  "64M -I 100",
  "64M -I 128 -O inline_data",
  "64M -N 10000000",
  "64M -m 60",
  "64M -J size=900",
  "64M -b 1000",
  "64M -g 100",
  "64K",
  "17T -t ext3",
];

const decoder = new TextDecoder();

function run(program: string, args: readonly string[]): { code: number; output: string } {
  const { code, stdout, stderr } = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    env: { E2FSPROGS_FAKE_TIME: TIME, E2FSPROGS_LIBMAGIC_SUPPRESS: "1", LC_ALL: "C", TZ: "UTC" },
  }).outputSync();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** The arguments with all -E lists in one, which is all that mke2fs looks at. */
function joined(args: readonly string[]): string[] {
  const lists = [`hash_seed=${HASH_SEED}`];
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "-E") lists.push(args[++i] ?? "");
    else rest.push(args[i] ?? "");
  }
  return [...rest, "-E", lists.join(",")];
}

interface Images {
  readonly ours: string;
  readonly theirs: string;
}

async function withImages(size: string, body: (images: Images) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "kfs_mkfs_" });
  try {
    const images = { ours: `${folder}/ours`, theirs: `${folder}/theirs` };
    for (const image of Object.values(images)) run("truncate", ["-s", size, image]);
    await body(images);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function makeBoth(set: string, images: Images): Promise<readonly [number, number]> {
  const args = set.split(" ").slice(1);
  const both = ["-q", "-F", "-U", UUID];
  const type = args.includes("-t") || args.includes("hurd") ? [] : ["-t", "ext4"];
  const theirs = run("mke2fs", [...both, ...type, ...joined(args), images.theirs]).code;
  Deno.env.set("SOURCE_DATE_EPOCH", TIME);
  let ours = 0;
  try {
    ours = await main([...both, ...joined(args), images.ours]);
  } catch (error) {
    assert.ok(error instanceof Error && ("errno" in error || error.name === "CommandError"));
    ours = 1;
  } finally {
    Deno.env.delete("SOURCE_DATE_EPOCH");
  }
  return [ours, theirs];
}

/** dumpe2fs's output without what may differ. */
function dump(image: string): string[] {
  return run("dumpe2fs", [image]).output.split("\n").filter((line) =>
    !/^(Lifetime writes|Checksum:|dumpe2fs )/.test(line)
  );
}

const needs = ["mke2fs", "dumpe2fs", "e2fsck", "truncate"].map((program) => () =>
  findProgram(program) === undefined ? `${program} is not installed` : undefined
);
const version = (): string | undefined => {
  const found = /mke2fs ([\d.]+)/.exec(run("mke2fs", ["-V"]).output)?.[1];
  return found === "1.47.0" ? undefined : `mke2fs is ${found}; the layout compared is 1.47.0's`;
};

testWith({
  name: "mkfs makes what mke2fs makes",
  needs: [...needs, version],
  fn: async (context) => {
    for (const set of SETS) {
      await context.step(set, () =>
        withImages(set.split(" ")[0] ?? "", async (images) => {
          const [ours, theirs] = await makeBoth(set, images);
          assert.deepEqual([ours, theirs], [0, 0]);
          assert.deepEqual(dump(images.ours), dump(images.theirs));
          if (set.includes("journal_dev")) return;
          const { code, output } = run("e2fsck", ["-fn", images.ours]);
          assert.equal(code, 0, output);
        }));
    }
  },
});

testWith({
  name: "mkfs refuses what mke2fs refuses",
  needs,
  fn: async (context) => {
    for (const set of REFUSED) {
      await context.step(set, () =>
        withImages(set.split(" ")[0] ?? "", async (images) => {
          const [ours, theirs] = await makeBoth(set, images);
          assert.ok(theirs !== 0 && ours === 1, `mke2fs ${theirs}, mkfs ${ours}`);
          const start = new Uint8Array(4096);
          using file = Deno.openSync(images.ours);
          file.readSync(start);
          assert.ok(start.every((byte) => byte === 0), "something was written");
        }));
    }
  },
});

testWith({
  name: "multiple mount protection is as mke2fs sets it up",
  needs,
  fn: () =>
    withImages("64M", async (images) => {
      assert.deepEqual(await makeBoth("64M -O mmp -E mmp_update_interval=7", images), [0, 0]);
      // A host's name would make images of two hosts differ, which SOURCE_DATE_EPOCH is not to let happen.
      const withoutNames = (image: string): string[] =>
        dump(image).filter((line) =>
          !/mmp_(update_date|update_time|device_name|node_name)/.test(line)
        );
      assert.deepEqual(withoutNames(images.ours), withoutNames(images.theirs));
      assert.equal(run("e2fsck", ["-fn", images.ours]).code, 0);
    }),
});
