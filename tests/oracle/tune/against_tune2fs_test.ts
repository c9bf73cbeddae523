import assert from "node:assert/strict";
import { changesOf, TUNE_OPTIONS } from "../../../cmd/kfsctl/tune_options.ts";
import { parseCommandLine } from "../../../cmd/shared/command_line.ts";
import { open, tune } from "../../../mod.ts";
import { must } from "../../harness/commands.ts";
import { mustBeClean } from "../../harness/e2fsck.ts";
import { makeImageByMke2fs } from "../../harness/image.ts";
import { imageDigest } from "../../harness/image_digest.ts";
import { Scratch } from "../../harness/scratch.ts";
import { Random } from "../../harness/seed.ts";
import { programs, testWith } from "../../harness/skip.ts";
import { header, lineDifferences } from "../mkfs/dumpe2fs.ts";
import { fill } from "../resize/fill.ts";

const SPEC = { name: "tune", summary: "", operands: "", options: TUNE_OPTIONS };
const UUID = "01234567-89ab-4def-8123-456789abcdef";

/** Changes made one after the other to an image, by both programs. */
interface Case {
  readonly name: string;
  /** How the image is made. */
  readonly made: readonly string[];
  readonly steps: readonly (readonly string[])[];
  /** Steps at which the two differ, made behind the others by one only. */
  readonly alone?: readonly (readonly string[])[];
}

const CASES: readonly Case[] = [
  {
    name: "fields",
    made: [],
    steps: [
      ["-L", "new label", "-M", "/mnt/here", "-e", "remount-ro", "-c", "20", "-C", "5", "-i", "3w"],
      ["-m", "7.5", "-g", "12", "-u", "34", "-T", "20230102030405"],
      ["-r", "333", "-o", "journal_data_writeback,^acl,discard", "-c", "-1", "-i", "0"],
      ["-E", "stride=16,stripe_width=64,hash_alg=tea,mount_opts=noatime"],
      ["-E", "test_fs"],
      ["-E", "^test_fs", "-o", "^journal_data_writeback"],
    ],
  },
  {
    name: "flags",
    made: ["-O", "^huge_file,^dir_nlink,^large_file,^dir_index"],
    steps: [
      ["-O", "dir_index,huge_file,dir_nlink,large_file"],
      ["-O", "ea_inode,encrypt,stable_inodes,verity,large_dir"],
      ["-O", "^huge_file,^dir_nlink"],
      ["-O", "casefold"],
    ],
  },
  {
    name: "UUID with checksums",
    made: [],
    steps: [["-U", UUID], ["-O", "metadata_csum_seed"], ["-U", "clear"]],
  },
  {
    name: "checksums",
    made: ["-O", "^metadata_csum,uninit_bg"],
    steps: [["-U", UUID], ["-O", "metadata_csum"], ["-O", "^metadata_csum"], ["-O", "^uninit_bg"], [
      "-O",
      "metadata_csum",
    ]],
  },
  {
    name: "journal",
    made: ["-O", "^has_journal"],
    steps: [["-j"], ["-O", "^has_journal"], ["-J", "size=3", "-O", "has_journal"]],
  },
  {
    name: "journal of block-mapped files",
    made: ["-O", "^has_journal,^extent,^64bit,^metadata_csum"],
    steps: [["-j"], ["-O", "extent"], ["-O", "^has_journal"]],
  },
  {
    name: "orphan file",
    made: [],
    steps: [["-O", "orphan_file"]],
    // tune2fs 1.47.0 fails at this.
    alone: [["-O", "^orphan_file"], ["-O", "orphan_file", "-E", "orphan_file_size=64k"]],
  },
  {
    name: "mmp",
    made: [],
    steps: [["-O", "mmp"], ["-E", "mmp_update_interval=10"], ["-O", "^mmp"]],
  },
  {
    name: "quota",
    made: [],
    steps: [["-O", "quota"], ["-O", "project"], ["-Q", "prjquota,^grpquota"], [
      "-O",
      "^quota,^project",
    ]],
  },
  {
    name: "indexes, the resize inode",
    made: [],
    steps: [["-O", "^fast_commit"]],
    alone: [["-O", "^dir_index"], ["-O", "dir_index,^resize_inode"], ["-O", "fast_commit"]],
  },
  { name: "flex_bg", made: ["-O", "^flex_bg"], steps: [["-O", "flex_bg"], ["-O", "^flex_bg"]] },
];

/** Lines that depend on where something was put; and tune2fs often asks for e2fsck where nothing is left to do. */
const OWN =
  /^(Journal (features|sequence|start|checksum)|Free (blocks|inodes)|Filesystem state)|mmp_/;

function shown(image: string): readonly string[] {
  return header(image).filter((line) => !OWN.test(line) && !/^Encoding/.test(line));
}

for (const one of CASES) {
  testWith({
    name: `kfsctl tune does what tune2fs does: ${one.name}`,
    needs: [programs("mke2fs", "tune2fs", "dumpe2fs", "e2fsck")],
    fn() {
      using scratch = new Scratch("tune");
      const [path, other] = [scratch.path("image"), scratch.path("other")];
      makeImageByMke2fs(path, { size: "24M", options: ["-t", "ext4", "-b", "1024", ...one.made] });
      {
        using image = open(path);
        fill(image, new Random(17), 250, 8000);
      }
      Deno.copyFileSync(path, other);
      const files = imageDigest(path);
      const make = (step: readonly string[]): void => {
        tune(path, changesOf(parseCommandLine(SPEC, step)));
        mustBeClean(path, `after ${step.join(" ")}`);
        assert.deepEqual(imageDigest(path), files, step.join(" "));
      };
      for (const step of one.steps) {
        make(step);
        must("tune2fs", ["-f", ...step, other]);
        assert.deepEqual(lineDifferences(shown(other), shown(path)), [], step.join(" "));
      }
      one.alone?.forEach(make);
    },
  });
}
