import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open, type TreeReport } from "../../mod.ts";
import {
  command,
  commandLine,
  must,
  mustCommand,
  runCommand,
} from "../../tests/harness/commands.ts";
import { mustBeClean } from "../../tests/harness/e2fsck.ts";
import { mount } from "../../tests/harness/mount.ts";
import { Scratch } from "../../tests/harness/scratch.ts";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { fuse, programs, testWith } from "../../tests/harness/skip.ts";

const BLOCK = 4096;

/** An image with `files` files of `blocks` blocks each, written in turns and backwards: one extent a block. */
function fragmented(path: string, files: number, blocks: number): void {
  mustCommand("mkfs", ["-q", "-b", String(BLOCK), path, "128M"]);
  using image = open(path);
  image.mkdir("/d");
  const bytes = new Uint8Array(BLOCK);
  for (let block = blocks - 1; block >= 0; block--) {
    for (let index = 0; index < files; index++) {
      using file = image.open(`/d/f${index}`, { write: true, create: true });
      file.writeAt(bytes.fill(1 + (block * 7 + index) % 255), block * BLOCK);
    }
  }
  image.writeTextFile("/whole", "in one piece");
}

function digests(path: string): string[] {
  using image = open(path, { readOnly: true });
  return [...image.walk()].filter(({ isFile }) => isFile).map(({ path }) =>
    `${path} ${createHash("sha256").update(image.readFile(path)).digest("hex")}`
  );
}

function extentsOf(image: string, path: string): number {
  const lines = must("debugfs", ["-R", `ex ${path}`, image]).split("\n");
  return lines.filter((line) => /^\s*(\d+)\/\s*\1 /.test(line)).length;
}

testWith({
  name: "defrag of an image: one extent a file, the same content",
  needs: [programs("e2fsck", "debugfs")],
  fn() {
    using scratch = new Scratch("kfsctl-defrag");
    const path = scratch.path("image");
    fragmented(path, 3, 500);
    const before = digests(path);
    assert.equal(extentsOf(path, "/d/f0"), 500);
    const dry: TreeReport = JSON.parse(mustCommand("kfsctl", ["defrag", "-n", "--json", path]));
    assert.deepEqual(
      [dry.files, dry.fragmentedBefore, dry.extentsBefore, dry.idealExtents, dry.movedBytes],
      [4, 3, 1501, 4, 0],
    );
    assert.equal(extentsOf(path, "/d/f0"), 500);
    const one = mustCommand("kfsctl", ["defrag", path, "d/f1"]);
    assert.match(one, /^ +500 +1 +1 +2.0 MiB \/d\/f1$/m);
    const all: TreeReport = JSON.parse(mustCommand("kfsctl", ["defrag", "--json", path]));
    assert.deepEqual([all.fragmentedBefore, all.fragmentedAfter, all.extentsAfter], [2, 0, 4]);
    for (const name of ["/d/f0", "/d/f1", "/d/f2"]) assert.equal(extentsOf(path, name), 1);
    assert.deepEqual(digests(path), before);
    mustBeClean(path);
    for (const args of [[], ["--files", "x", path], [path, "/none"], [scratch.folder]]) {
      const done = runCommand("kfsctl", ["defrag", ...args]);
      assert.ok(done.code === 1 || done.code === 2, done.stderr);
      assert.equal(done.stderr.trim().split("\n").length, 1);
    }
  },
});

testWith({
  name: "defrag that is interrupted leaves a whole image",
  needs: [programs("e2fsck")],
  async fn() {
    using scratch = new Scratch("kfsctl-defrag");
    const path = scratch.path("image");
    fragmented(path, 4, 4000);
    const before = digests(path);
    const [program, ...first] = commandLine("kfsctl");
    const child = new Deno.Command(program, {
      args: [...first, "defrag", "--json", path],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await new Promise((resolve) => setTimeout(resolve, 450));
    try {
      child.kill("SIGINT");
    } catch {
      // It was faster.
    }
    const { code, signal } = await child.output();
    // Before it listens, the signal ends it at once.
    assert.ok(code === 130 || code === 0 || signal === "SIGINT", `status ${code}`);
    mustCommand("kfsctl", ["status", path]);
    assert.deepEqual(digests(path), before);
    if (signal === null) mustBeClean(path);
  },
});

testWith({
  name: "defrag through a mount, while its files are written",
  needs: [command("kfs"), fuse, programs("e2fsck", "debugfs")],
  async fn() {
    using scratch = new Scratch("kfsctl-defrag");
    const path = scratch.path("image");
    const random = new Random(printedSeed("defrag through a mount"));
    fragmented(path, 4, 3000);
    const contents = Array.from({ length: 4 }, (_, index) => {
      using image = open(path, { readOnly: true });
      return image.readFile(`/d/f${index}`);
    });
    using mounted = mount("kfs", path, scratch.path("mnt"));
    const files = contents.map((_, index) =>
      Deno.openSync(mounted.path(`d/f${index}`), { read: true, write: true })
    );
    const [program, ...first] = commandLine("kfsctl");
    const child = new Deno.Command(program, {
      args: [...first, "defrag", "--json", mounted.path("d")],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let running = true;
    const ended = child.output().finally(() => running = false);
    for (let writes = 0; running; writes++) {
      const index = random.below(files.length);
      const [file, content] = [files[index], contents[index]];
      if (file === undefined || content === undefined) continue;
      const at = random.below(content.length - 9000);
      const bytes = random.fill(new Uint8Array(random.between(1, 9000)));
      file.seekSync(at, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      content.set(bytes, at);
      if (writes % 50 === 0) file.syncSync();
      if (writes % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const report: TreeReport = JSON.parse(new TextDecoder().decode(stdout));
    assert.equal(report.fragmentedBefore, 4);
    assert.ok(report.extentsAfter < 40, `${report.extentsAfter} extents are left`);
    for (const file of files) file.close();
    contents.forEach((content, index) => {
      const found = Deno.readFileSync(mounted.path(`d/f${index}`));
      assert.equal(found.findIndex((byte, at) => byte !== content[at]), -1, `f${index}`);
    });
    mounted.unmount();
    mustBeClean(path);
    using image = open(path, { readOnly: true });
    contents.forEach((content, index) => {
      assert.deepEqual(image.readFile(`/d/f${index}`), content);
    });
  },
});
