import assert from "node:assert/strict";
import { run } from "../../../tools/process.ts";
import { command, must, mustCommand, runCommand } from "../../harness/commands.ts";
import { mustBeClean } from "../../harness/e2fsck.ts";
import { toByteString } from "../../harness/libc.ts";
import { kernelExt4, mount } from "../../harness/mount.ts";
import { Scratch } from "../../harness/scratch.ts";
import { Random } from "../../harness/seed.ts";
import { fuse, programs, root, testWith } from "../../harness/skip.ts";
import { writeSourceTree } from "../../harness/source_tree.ts";
import { mustBeSameTree, takeTree, type Tree } from "../../harness/tree.ts";

const NEEDS = [command("mkfs"), programs("mke2fs", "e2fsck")];

function test(name: string, fn: (scratch: Scratch) => void): void {
  testWith({
    name,
    needs: NEEDS,
    fn() {
      using scratch = new Scratch("mkfs");
      fn(scratch);
    },
  });
}

/** The command must refuse, in one line, and leave the file as it is. */
function mustRefuse(file: string, args: readonly string[], what: string): void {
  const before = exists(file) ? must("sha1sum", [file]) : "none";
  const done = runCommand("mkfs", args);
  const words = `${done.stdout}${done.stderr}`.trim();
  assert.equal(done.code, 1, `${what}: status; ${words}`);
  assert.equal(done.stderr.trim().split("\n").length, 1, `${what}: one line; got\n${words}`);
  assert.ok(done.stderr.trim().length > 10, `${what}: says something; got ${words}`);
  assert.doesNotMatch(words, /\bat \S+:\d+|Uncaught|stack/i, `${what}: no stack trace`);
  const after = exists(file) ? must("sha1sum", [file]) : "none";
  assert.equal(after, before, `${what}: the file is untouched`);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

test("bad input is refused in one line, with status 1, and nothing is written", (scratch) => {
  const file = scratch.path("file");
  Deno.writeFileSync(file, new Random(1).fill(new Uint8Array(4_000_000)));
  const bad: Readonly<Record<string, readonly string[]>> = {
    "an unknown feature": ["-O", "no_such_feature", file],
    "an unknown option": ["--no-such-option", file],
    "an unknown type": ["-t", "ext5", file],
    "a bad block size": ["-b", "1000", file],
    "a block size that is no number": ["-b", "x", file],
    "an inode size above the block": ["-b", "1024", "-I", "2048", file],
    "a size that is no size": [file, "huge"],
    "too small a size": [file, "8k"],
    "a bad UUID": ["-U", "1234", file],
    "reserved beyond half": ["-m", "51", file],
    "a bad errors=": ["-e", "explode", file],
    "an unknown extended option": ["-E", "no_such=1", file],
    "too large a label": ["-L", "a-label-that-is-too-long", file],
    "a source that is not there": ["-d", scratch.path("nowhere"), file],
    "a cluster without bigalloc": ["-C", "65536", "-O", "^bigalloc", file],
    "too many inodes": ["-N", "4000000000", file],
  };
  for (const [what, args] of Object.entries(bad)) mustRefuse(file, args, what);
});

test("a missing device, a folder and no argument at all are refused", (scratch) => {
  const file = scratch.path("missing");
  mustRefuse(file, [file], "a missing file without a size");
  assert.equal(exists(file), false);
  mustRefuse(file, [scratch.makeFolder("folder")], "a folder");
  mustRefuse(file, [], "nothing");
  mustRefuse(file, [scratch.path("no/such/folder/file"), "64M"], "a path that is not there");
});

test("a device that holds a file system is refused without -F", (scratch) => {
  const file = scratch.path("file");
  mustCommand("mkfs", ["-q", file, "16M"]);
  mustRefuse(file, ["-q", file], "an ext4 image");
  mustCommand("mkfs", ["-q", "-F", file]);
  mustBeClean(file);
});

test("-n writes nothing, and shows what would be made", (scratch) => {
  const file = scratch.path("file");
  Deno.writeFileSync(file, new Random(2).fill(new Uint8Array(8_000_000)));
  const before = must("sha1sum", [file]);
  const shown = mustCommand("mkfs", ["-n", file]);
  assert.equal(must("sha1sum", [file]), before);
  assert.match(shown, /blocks/);
  mustCommand("mkfs", ["-n", scratch.path("absent"), "64M"]);
  assert.equal(exists(scratch.path("absent")), false, "a dry run makes no file");
});

test("--json is JSON, and -q is silent", (scratch) => {
  const parsed = JSON.parse(mustCommand("mkfs", ["--json", scratch.path("a"), "64M"]));
  assert.equal(typeof parsed, "object");
  const quiet = runCommand("mkfs", ["-q", scratch.path("b"), "64M"]);
  assert.equal(`${quiet.stdout}${quiet.stderr}`, "");
});

test("an image of 16 TiB takes little space", (scratch) => {
  const image = scratch.path("large");
  mustCommand("mkfs", ["-q", image, "16T"]);
  const [allocated = "0"] = must("du", ["-k", image]).split("\t");
  run("mke2fs", ["-q", "-F", "-t", "ext4", scratch.path("theirs"), "16T"]);
  const [theirs = "0"] = must("du", ["-k", scratch.path("theirs")]).split("\t");
  const limit = Math.max(Number(theirs) * 1.1, 1000);
  assert.ok(Number(allocated) <= limit, `${allocated} KiB; mke2fs takes ${theirs} KiB`);
});

test("-U and -L are what they were asked to be", (scratch) => {
  const image = scratch.path("image");
  const uuid = "01234567-89ab-4cde-8f01-23456789abcd";
  mustCommand("mkfs", ["-q", "-U", uuid, "-L", "größe", image, "32M"]);
  const text = must("dumpe2fs", ["-h", image]);
  assert.match(text, new RegExp(`UUID: +${uuid}`));
  assert.match(text, /volume name: +größe/);
});

/** The tree of an image in the kernel, without what populating cannot set. */
function populated(image: string): Tree {
  using seen = mount("kernel", image, `${image}.kernel`, { options: ["ro"] });
  const tree = new Map(
    takeTree(toByteString(seen.mountpoint), { without: ["lost+found"] }),
  );
  tree.delete(".");
  return tree;
}

for (const options of ["-t ext4", "-t ext2", "-t ext4 -O inline_data", "-t ext4 -b 1024"]) {
  testWith({
    name: `-d fills an image with exactly the tree: ${options}`,
    needs: [...NEEDS, root, kernelExt4, fuse],
    fn() {
      using scratch = new Scratch("populate");
      const source = scratch.makeFolder("source");
      const limits = { many: 1500, longestLink: 900, largestAttribute: 350 };
      writeSourceTree(source, new Random(3), limits);
      const image = scratch.path("image");
      mustCommand("mkfs", ["-q", ...options.split(" "), "-d", source, image, "200M"]);
      mustBeClean(image);
      const expected = new Map(takeTree(toByteString(source)));
      const rootEntry = expected.get(".");
      expected.delete(".");
      assert.ok(rootEntry);
      mustBeSameTree(expected, populated(image), "the source (left) and the image (right)");
    },
  });
}
