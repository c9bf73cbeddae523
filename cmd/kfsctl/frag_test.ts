import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { must, mustCommand } from "../../tests/harness/commands.ts";
import { Scratch } from "../../tests/harness/scratch.ts";
import { programs, testWith } from "../../tests/harness/skip.ts";

interface Report {
  readonly files: number;
  readonly fragmentedFiles: number;
  readonly mostFragmented: readonly { path: string; extents: number; bytes: number }[];
  readonly free: { bytes: number; runs: number; largestBytes: number };
}

/** An image with a file in pieces, free space in pieces, and a name that is no good in a page. */
function fragmented(scratch: Scratch): string {
  const path = scratch.path("image");
  mustCommand("mkfs", ["-q", "-b", "1024", path, "32M"]);
  using image = open(path);
  for (let index = 0; index < 200; index++) image.writeFile(`/f${index}`, new Uint8Array(20_000));
  for (let index = 0; index < 200; index += 2) image.remove(`/f${index}`);
  image.sync();
  const { bavail, bsize } = image.statfs();
  image.writeFile("/big<1", new Uint8Array((bavail - 300) * bsize).fill(1));
  return path;
}

function report(path: string): Report {
  return JSON.parse(mustCommand("kfsctl", ["frag", "--json", path]));
}

testWith({
  name: "frag counts what debugfs and e2freefrag count",
  needs: [programs("debugfs", "e2freefrag")],
  fn() {
    using scratch = new Scratch("frag");
    const path = fragmented(scratch);
    const found = report(path);
    const [first] = found.mostFragmented;
    assert.equal(first?.path, "/big<1");
    const dump = must("debugfs", ["-R", "ex big<1", path]);
    const leaves = dump.split("\n").filter((line) => /^\s*(\d+)\/\s*\1\s/.test(line));
    assert.ok(first.extents > 1 && first.extents <= leaves.length, `${leaves.length} extents`);
    const free = must("e2freefrag", [path]);
    const blocks = Number(/Free blocks: (\d+)/.exec(free)?.[1]);
    assert.equal(found.free.bytes, blocks * 1024);
    const largest = Number(/Max\. free extent: (\d+) KB/.exec(free)?.[1]);
    assert.equal(found.free.largestBytes, largest * 1024);
  },
});

Deno.test("frag draws the disk: signs, a picture, a page", () => {
  using scratch = new Scratch("frag");
  const path = fragmented(scratch);
  const text = mustCommand("kfsctl", ["frag", "--map", "--files", "1", path]);
  assert.match(text, /\(\d+ %\) in more than one piece/);
  assert.match(text, /each sign stands for /);
  assert.ok(text.includes("█") && text.includes("▚"));
  const [svg, html] = [scratch.path("map.svg"), scratch.path("map.html")];
  assert.equal(mustCommand("kfsctl", ["frag", "--svg", svg, "--html", html, path]), "");
  const picture = Deno.readTextFileSync(svg);
  assert.equal(picture.match(/<rect /g)?.length, 4096);
  const page = Deno.readTextFileSync(html);
  assert.ok(page.includes("/big&lt;1") && !page.includes("big<1"));
});
