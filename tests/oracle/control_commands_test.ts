import assert from "node:assert/strict";
import { MountClient } from "../../cmd/kfsctl/mount_client.ts";
import { command, mustCommand, runCommand } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import { mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, testWith } from "../harness/skip.ts";

const NEEDS: readonly Need[] = [
  command("mkfs"),
  command("kfs"),
  command("kfsctl"),
  fuse,
  programs("e2fsck"),
];

testWith({
  name: "ls, cat and stat look into a mount, and no path leads out of it",
  needs: NEEDS,
  fn() {
    using scratch = new Scratch("control");
    const image = scratch.path("image");
    makeImage(image, { size: "16M" });
    using mounted = mount("kfs", image, scratch.path("mnt"));
    const { mountpoint } = mounted;
    Deno.mkdirSync(mounted.path("d"));
    Deno.writeTextFileSync(mounted.path("d/hello"), "hello\n");
    Deno.symlinkSync("/d/hello", mounted.path("d/link"));
    Deno.symlinkSync("/etc/passwd", mounted.path("d/out"));
    for (const [target, path] of [[mountpoint, "d"], [mounted.path("d"), "/"], [image, "/d"]]) {
      assert.equal(mustCommand("kfsctl", ["ls", target ?? "", path ?? ""]), "hello\nlink\nout\n");
    }
    assert.equal(
      mustCommand("kfsctl", ["cat", mountpoint, "d/hello", "/d/link"]),
      "hello\nhello\n",
    );
    const [node] = JSON.parse(mustCommand("kfsctl", ["stat", "--json", mounted.path("d/hello")]));
    assert.deepEqual([node.kind, node.size], ["file", 6]);
    for (const path of ["d/out", "../../../../etc/passwd"]) {
      const done = runCommand("kfsctl", ["cat", mountpoint, path]);
      assert.deepEqual([done.code, done.stdout], [1, ""], path);
      assert.match(done.stderr, /no such file or directory \(ENOENT\)\n$/);
    }
    mounted.unmount();
    assert.equal(mustCommand("kfsctl", ["ls", image, "d"]), "hello\nlink\nout\n");
  },
});

testWith({
  name: "frag and check of a mount, and top",
  needs: NEEDS,
  fn() {
    using scratch = new Scratch("control");
    const image = scratch.path("image");
    makeImage(image, { size: "32M", options: ["-b", "1024"] });
    using mounted = mount("kfs", image, scratch.path("mnt"));
    const names = Array.from({ length: 300 }, (_, index) => mounted.path(`f${index}`));
    for (const name of names) Deno.writeFileSync(name, new Uint8Array(20_000));
    for (let index = 0; index < names.length; index += 2) Deno.removeSync(names[index] ?? "");
    Deno.writeFileSync(mounted.path("big"), new Uint8Array(18 << 20).fill(1));
    const report = JSON.parse(mustCommand("kfsctl", ["frag", "--json", mounted.mountpoint]));
    const looks = mustCommand("kfsctl", ["top", "--once", "--json", "--interval", "0.2", image]);
    const look = JSON.parse(looks);
    assert.ok(look.seconds >= 0.2 && look.seconds < 20);
    assert.ok(look.operations.length > 0, "asking counts too");
    assert.match(
      mustCommand("kfsctl", ["top", "--once", "--interval", "0.1", image]),
      /requests\/s/,
    );
    const refused = runCommand("kfsctl", ["check", mounted.mountpoint]);
    assert.equal(refused.code, 8);
    assert.match(refused.stderr, /mounted on .*: unmount it, or use --force\n$/);
    const forced = runCommand("kfsctl", ["check", "-f", mounted.mountpoint]);
    assert.equal(forced.code, 0, forced.stdout + forced.stderr);
    {
      using client = new MountClient(mounted.mountpoint);
      client.ask("job.start", { name: "frag" });
    }
    // The job is under way, and ends with the mount.
    mounted.unmount();
    mustBeClean(image);
    const later = JSON.parse(mustCommand("kfsctl", ["frag", "--json", image]));
    // A mount keeps some space back for files that grow.
    const { bytes, largestBytes } = later.free;
    assert.ok(Math.abs(report.free.bytes - bytes) < 1 << 20, `${report.free.bytes} of ${bytes}`);
    const free = { ...report.free, bytes, largestBytes, classes: [], runs: 0 };
    const seen = { ...later, free: { ...later.free, classes: [], runs: 0 } };
    assert.deepEqual({ ...report, image, free }, seen, "a mount is seen as its image");
    assert.equal(report.mostFragmented[0].path, "/big");
  },
});
