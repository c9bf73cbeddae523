import assert from "node:assert/strict";
import { command, must, mustCommand, runCommand } from "../../tests/harness/commands.ts";
import { mustBeClean } from "../../tests/harness/e2fsck.ts";
import { kernelExt4, mount } from "../../tests/harness/mount.ts";
import { Scratch } from "../../tests/harness/scratch.ts";
import { fuse, programs, testWith } from "../../tests/harness/skip.ts";
import type { VersionSummary } from "../../mod.ts";

testWith({
  name: "add, log and restore work on a file of an image",
  needs: [programs("e2fsck")],
  fn() {
    using scratch = new Scratch("kfsctl-versions");
    const image = scratch.path("image");
    const file = scratch.path("file");
    mustCommand("mkfs", ["-q", image, "16M"]);
    Deno.writeTextFileSync(file, "one\n");
    mustCommand("kfsctl", ["put", image, file, "/notes"]);
    const added = mustCommand("kfsctl", ["add", "-m", "as it was", image, "notes"]);
    assert.equal(added, "/notes: version 1 kept, 4 B, 4 B of it new\n");
    assert.match(mustCommand("kfsctl", ["add", image, "/notes"]), /as in version 1/);
    Deno.writeTextFileSync(file, "two\n");
    // A new inode under the old name goes on with the versions.
    mustCommand("kfsctl", ["put", image, file, "/notes"]);
    const restored = JSON.parse(mustCommand("kfsctl", ["restore", "--json", image, "notes", "1"]));
    assert.deepEqual([restored.number, restored.keptAs], [1, 2]);
    assert.equal(mustCommand("kfsctl", ["cat", image, "notes"]), "one\n");
    const log = mustCommand("kfsctl", ["log", image, "notes"]).split("\n");
    assert.match(log[1] ?? "", /^ +2 .* before version 1 was restored/);
    assert.match(log[2] ?? "", /^ +1 .* 4 B +4 B +4 B as it was$/);
    assert.match(
      mustCommand("kfsctl", ["log", "--delete", "1", image, "notes"]),
      /1 removed, 1 kept/,
    );
    mustBeClean(image);
    const cases: [string[], number, RegExp][] = [
      [["add", image], 2, /wanted: kfsctl add/],
      [["add", image, "/"], 1, /kfsctl add: /],
      [["add", image, "/none"], 1, /none/],
      [["restore", image, "/notes", "9"], 1, /no version 9/],
      [["restore", image, "/notes", "x"], 2, /VERSION/],
      [["log", "--prune", "1", "--delete", "2", image, "/notes"], 2, /exclude/],
      [["log", image, "/none"], 1, /no versions/],
    ];
    for (const [args, status, line] of cases) {
      const done = runCommand("kfsctl", args);
      assert.match(done.stderr, line, args.join(" "));
      assert.equal(done.code, status, done.stderr);
      assert.equal(done.stderr.trim().split("\n").length, 1);
    }
  },
});

testWith({
  name: "add, log and restore work in a mount, and the kernel sees what they did",
  needs: [command("kfs"), fuse, programs("e2fsck")],
  fn() {
    using scratch = new Scratch("kfsctl-versions");
    const image = scratch.path("image");
    mustCommand("mkfs", ["-q", image, "32M"]);
    using mounted = mount("kfs", image, scratch.path("mnt"));
    const path = mounted.path("file");
    const content = (letter: string): string => letter.repeat(300_000);
    Deno.writeTextFileSync(path, content("a"));
    Deno.chmodSync(path, 0o640);
    mustCommand("kfsctl", ["add", path]);
    using open = Deno.openSync(path, { read: true, write: true });
    open.writeSync(new TextEncoder().encode("b"));
    mustCommand("kfsctl", ["add", "-m", "with b", path]);
    Deno.renameSync(path, mounted.path("renamed"));
    const renamed = mounted.path("renamed");
    const log: VersionSummary[] = JSON.parse(mustCommand("kfsctl", ["log", "--json", renamed]));
    assert.deepEqual(log.map(({ number, note }) => [number, note]), [[1, ""], [2, "with b"]]);
    assert.ok((log[1]?.changedBytes ?? 0) < 100_000, "only the changed part");
    const before = Deno.statSync(renamed).ino;
    mustCommand("kfsctl", ["restore", renamed, "1"]);
    assert.equal(Deno.readTextFileSync(renamed), content("a"));
    assert.equal((Deno.statSync(renamed).mode ?? 0) & 0o777, 0o640);
    assert.notEqual(Deno.statSync(renamed).ino, before);
    const old = new Uint8Array(1);
    open.seekSync(0, Deno.SeekMode.Start);
    open.readSync(old);
    assert.deepEqual(old, Uint8Array.of(0x62), "who has the old file open keeps it");
    Deno.removeSync(renamed);
    mustCommand("kfsctl", ["restore", image, "renamed"]);
    assert.equal(Deno.readTextFileSync(renamed).slice(0, 2), "ba");
    assert.match(mustCommand("kfsctl", ["log", "--prune", "1", renamed]), /1 removed, 1 kept/);
    open.close();
    mounted.unmount();
    mustBeClean(image);
  },
});

testWith({
  name: "the kernel mounts an image with versions, which are files of root's alone",
  needs: [kernelExt4, programs("e2fsck")],
  fn() {
    using scratch = new Scratch("kfsctl-versions");
    const image = scratch.path("image");
    const file = scratch.path("file");
    mustCommand("mkfs", ["-q", image, "16M"]);
    Deno.writeTextFileSync(file, "kept");
    mustCommand("kfsctl", ["put", image, file, "/file"]);
    mustCommand("kfsctl", ["add", image, "/file"]);
    {
      using mounted = mount("kernel", image, scratch.path("mnt"));
      assert.equal((Deno.statSync(mounted.path(".kfs")).mode ?? 0) & 0o777, 0o700);
      const found = must("find", [mounted.path(".kfs"), "-type", "f"]).trim().split("\n");
      assert.equal(found.length, 3, "a manifest, the data and the path");
      Deno.writeTextFileSync(mounted.path("file"), "by the kernel");
    }
    assert.match(mustCommand("kfsctl", ["restore", image, "/file", "1"]), /version 2/);
    assert.equal(mustCommand("kfsctl", ["cat", image, "/file"]), "kept");
    mustBeClean(image);
  },
});
