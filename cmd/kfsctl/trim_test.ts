import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open } from "../../mod.ts";
import { command, must, mustCommand, runCommand } from "../../tests/harness/commands.ts";
import { mount } from "../../tests/harness/mount.ts";
import { Scratch } from "../../tests/harness/scratch.ts";
import { fuse, programs, root, testWith } from "../../tests/harness/skip.ts";

const MEBIBYTE = 1 << 20;

/** An image of 64 MiB with 40 MiB of old content in free blocks, and a file of zeros. */
function made(path: string): void {
  mustCommand("mkfs", ["-q", "-b", "4096", path, "64M"]);
  using image = open(path);
  const content = crypto.getRandomValues(new Uint8Array(65536));
  for (let index = 0; index < 160; index++) {
    const file = new Uint8Array(320 << 10);
    for (let at = 0; at < file.length; at += content.length) file.set(content, at);
    file[0] = index;
    image.writeFile(`/file-${index}`, file);
  }
  image.writeFile("/zeros", new Uint8Array(4 * MEBIBYTE));
  for (let index = 0; index < 160; index++) {
    if (index % 5 !== 0) image.remove(`/file-${index}`);
  }
}

function taken(path: string): number {
  return (Deno.statSync(path).blocks ?? 0) * 512;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function digests(path: string): string {
  using image = open(path, { readOnly: true });
  const lines: string[] = [];
  for (const { path, isFile } of image.walk()) {
    if (isFile) lines.push(`${path} ${digest(image.readFile(path))}`);
  }
  return lines.join("\n");
}

testWith({
  name: "trim takes free blocks out of an image file, --sparsify zeros too, and nothing else",
  needs: [programs("e2fsck")],
  fn() {
    using scratch = new Scratch("kfsctl-trim");
    const path = scratch.path("image");
    made(path);
    const before = digests(path);
    const full = taken(path);
    const part = JSON.parse(
      mustCommand("kfsctl", ["trim", "--json", "--start", "32M", "-l", "32M", path]),
    );
    assert.equal(part.beforeBytes, full);
    assert.equal(part.afterBytes, taken(path));
    assert.ok(full - taken(path) > 5 * MEBIBYTE && part.trimmedBytes <= 32 * MEBIBYTE);
    assert.match(mustCommand("kfsctl", ["trim", path]), /of free space trimmed; the file takes/);
    const trimmed = taken(path);
    assert.ok(full - trimmed > 35 * MEBIBYTE, `${full} to ${trimmed}`);
    mustCommand("kfsctl", ["trim", "--sparsify", path]);
    assert.ok(trimmed - taken(path) >= 4 * MEBIBYTE, `${trimmed} to ${taken(path)}`);
    must("e2fsck", ["-fn", path]);
    assert.equal(digests(path), before);
    assert.equal(Deno.statSync(path).size, 64 * MEBIBYTE);
  },
});

testWith({
  name: "trim works through a mount, and replays a journal before it believes a bitmap",
  needs: [command("kfs"), fuse, root, programs("e2fsck")],
  fn() {
    using scratch = new Scratch("kfsctl-trim");
    const path = scratch.path("image");
    const crashed = scratch.path("crashed");
    made(path);
    const full = taken(path);
    {
      using mounted = mount("kfs", path, scratch.path("mnt"));
      const { trimmedBytes } = JSON.parse(
        mustCommand("kfsctl", ["trim", "--json", mounted.mountpoint]),
      );
      assert.ok(trimmedBytes > 35 * MEBIBYTE && full - taken(path) > 35 * MEBIBYTE);
      const refused = runCommand("kfsctl", ["trim", "--sparsify", mounted.mountpoint]);
      assert.equal(refused.code, 2);
      const inUse = runCommand("kfsctl", ["trim", path]);
      assert.equal(inUse.code, 1, inUse.stderr);
      // What was made since the last checkpoint is only in the log.
      Deno.mkdirSync(mounted.path("new"));
      Deno.writeFileSync(mounted.path("new/file"), new Uint8Array(3 * MEBIBYTE).fill(7));
      must("sync", ["-f", mounted.mountpoint]);
      must("cp", ["--sparse=always", path, crashed]);
    }
    mustCommand("kfsctl", ["trim", crashed]);
    must("e2fsck", ["-fn", crashed]);
    using image = open(crashed, { readOnly: true });
    assert.ok(image.readFile("/new/file").every((byte) => byte === 7));
  },
});

testWith({
  name: "trim refuses images whose bitmaps may be wrong, and bad input",
  needs: [programs("debugfs")],
  fn() {
    using scratch = new Scratch("kfsctl-trim");
    const path = scratch.path("image");
    const plain = scratch.path("plain");
    mustCommand("mkfs", ["-q", path, "8M"]);
    mustCommand("mkfs", ["-q", "-t", "ext2", plain, "8M"]);
    must("debugfs", ["-w", "-R", "set_super_value state 0", plain]);
    const damaged = scratch.path("damaged");
    Deno.copyFileSync(path, damaged);
    must("debugfs", ["-w", "-R", "set_super_value state 3", damaged]);
    const cases: [string[], number, RegExp][] = [
      [[damaged], 2, /has errors/],
      [[plain], 2, /was not closed cleanly and has no journal/],
      [[`${path}.none`], 1, /no such file/i],
      [["--start", "1G", path], 1, /trim/],
      [["-m", "much", path], 2, /--minimum/],
      [[], 2, /wanted: kfsctl trim TARGET/],
    ];
    for (const [args, status, line] of cases) {
      const done = runCommand("kfsctl", ["trim", ...args]);
      assert.match(done.stderr, line);
      assert.equal(done.code, status, done.stderr);
      assert.equal(done.stderr.trim().split("\n").length, 1);
    }
  },
});
