import assert from "node:assert/strict";
import { run } from "../../../tools/process.ts";
import { command, runCommand } from "../../harness/commands.ts";
import { e2fsck } from "../../harness/e2fsck.ts";
import { Scratch } from "../../harness/scratch.ts";
import { programs, testWith } from "../../harness/skip.ts";
import { groups, header, lineDifferences } from "./dumpe2fs.ts";
import { FORMAT_CASES, type FormatCase } from "./format_cases.ts";

/** Of these only the headers are compared: walking their groups takes dumpe2fs and e2fsck too long. */
const LARGE = new Set(["100G", "1T", "16T", "20T"]);

const NEEDS = [command("mkfs"), programs("mke2fs", "dumpe2fs", "e2fsck")];

/** dumpe2fs and e2fsck read from the start of a file: a shifted file system is cut out first. */
function atItsStart(image: string, options: readonly string[]): string {
  const offset = /offset=(\d+)/.exec(options.join(" "))?.[1];
  if (offset === undefined) return image;
  const cut = `${image}.cut`;
  run(
    "dd",
    ["status=none", "conv=sparse", "bs=64k", "iflag=skip_bytes", `skip=${offset}`].concat([
      `if=${image}`,
      `of=${cut}`,
    ]),
  );
  return cut;
}

function compare(wanted: FormatCase, scratch: Scratch): void {
  const { options, size } = wanted;
  const reference = scratch.path("reference");
  const image = scratch.path("image");
  const theirs = run("mke2fs", ["-q", "-F", ...options, reference, size]);
  const ours = runCommand("mkfs", ["-q", "-F", ...options, image, size]);
  assert.equal(
    ours.code === 0,
    theirs.code === 0,
    `mke2fs: status ${theirs.code} ${theirs.stderr}\nmkfs: status ${ours.code} ${ours.stderr}`,
  );
  if (theirs.code !== 0) return;
  const left = atItsStart(reference, options);
  const right = atItsStart(image, options);
  assert.deepEqual(lineDifferences(header(left), header(right)), [], "dumpe2fs -h");
  if (LARGE.has(size)) return;
  assert.deepEqual(lineDifferences(groups(left), groups(right)).slice(0, 12), [], "dumpe2fs");
  const { clean, output } = e2fsck(right);
  assert.ok(clean, output);
}

for (const wanted of FORMAT_CASES) {
  const words = [...wanted.options, wanted.size].join(" ");
  testWith({
    name: `mkfs ${words}: as mke2fs`,
    needs: NEEDS,
    fn() {
      using scratch = new Scratch("mkfs");
      compare(wanted, scratch);
    },
  });
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

testWith({
  name: "mkfs takes the smallest sizes that mke2fs takes, and no smaller",
  needs: NEEDS,
  timeoutMs: 280_000,
  fn() {
    using scratch = new Scratch("smallest");
    for (const options of ["-t ext2", "-t ext4", "-t ext4 -b 4096", "-t ext4 -O ^has_journal"]) {
      for (const blocks of [1, 8, 16, 20, 32, 40, 48, 60, 64, 100, 128, 256]) {
        const words = [...options.split(" ")];
        const reference = scratch.path("reference");
        const image = scratch.path("image");
        const theirs = run("mke2fs", ["-q", "-F", ...words, reference, `${blocks}k`]);
        const ours = runCommand("mkfs", ["-q", "-F", ...words, image, `${blocks}k`]);
        const what = `${options} ${blocks}k: ${theirs.stderr} | ${ours.stderr}`;
        assert.equal(ours.code === 0, theirs.code === 0, what);
        if (theirs.code === 0) {
          assert.ok(e2fsck(image).clean, `${what}\n${e2fsck(image).output}`);
          assert.deepEqual(lineDifferences(header(reference), header(image)), [], what);
        }
        for (const path of [reference, image]) if (exists(path)) Deno.removeSync(path);
      }
    }
  },
});
