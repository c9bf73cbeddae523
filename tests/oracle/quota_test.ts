import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { findProgram, run } from "../../tools/process.ts";
import { command, must, runCommand } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import { kernelExt4, mount, type Mounted } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, root, testWith } from "../harness/skip.ts";

const NEEDS: readonly Need[] = [
  command("mkfs"),
  command("kfs"),
  fuse,
  root,
  programs("e2fsck", "debugfs", "setpriv", "chattr"),
];
const USER = 65_534;
const QUOTAS = ["-O", "quota,project", "-E", "quotatype=usrquota:grpquota:prjquota"] as const;

function test(name: string, fn: (image: string, scratch: Scratch) => void): void {
  testWith({
    name,
    needs: NEEDS,
    fn() {
      using scratch = new Scratch("quota");
      Deno.chmodSync(scratch.folder, 0o755);
      const image = scratch.path("image");
      makeImage(image, { size: "64M", options: QUOTAS });
      fn(image, scratch);
    },
  });
}

/** Runs a script in the mount as an ordinary user. @returns its standard error; "" when all went well. */
function asUser(mounted: Mounted, script: string): string {
  const user = [`--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];
  const words = ["sh", "-euc", `cd "$1"; ${script}`, "sh", mounted.mountpoint];
  const done = run("setpriv", [...user, ...words], { env: { LC_ALL: "C" } });
  return done.code === 0 ? "" : done.stderr;
}

/** What an identifier uses according to debugfs: bytes and inodes. */
function usage(image: string, kind: "user" | "group" | "project", id: number): readonly number[] {
  const words = must("debugfs", ["-R", `get_quota ${kind} ${id}`, image]).split("\n");
  const numbers = (words.find((line) => line.trim().startsWith(`${id} `)) ?? "").trim().split(
    /\s+/,
  );
  return [Number(numbers[1]), Number(numbers[4])];
}

test("limits hold for an ordinary user's writes and files, not for root's", (image, scratch) => {
  {
    using made = open(image);
    made.mkdir("/home");
    made.chown("/home", USER, USER);
    made.setQuota("user", USER, { spaceHard: 1 << 20, inodesHard: 5 });
  }
  const options = ["allow_other", "usrquota"];
  using mounted = mount("kfs", image, scratch.path("mnt"), { options });
  assert.equal(
    asUser(mounted, "head -c 900000 /dev/zero > home/a; touch home/b home/c home/d"),
    "",
  );
  assert.match(asUser(mounted, "touch home/e"), /quota exceeded/);
  assert.match(asUser(mounted, "mkdir home/e"), /quota exceeded/);
  assert.match(asUser(mounted, "head -c 900000 /dev/zero > home/b"), /quota exceeded/);
  assert.match(asUser(mounted, "fallocate -l 2M home/c"), /quota exceeded/);
  assert.equal(asUser(mounted, "rm home/a; head -c 500000 /dev/zero > home/d"), "");
  must("sh", ["-c", `head -c 3000000 /dev/zero >> ${mounted.path("home/d")}`]);
  mounted.unmount();
  mustBeClean(image);
  using left = open(image, { readOnly: true });
  const { space, inodes } = left.getQuota("user", USER);
  assert.ok(space > 3_500_000);
  assert.deepEqual(usage(image, "user", USER), [space, inodes]);
});

test("without the option usage is counted and nothing is refused", (image, scratch) => {
  {
    using made = open(image);
    made.chmod("/", 0o777);
    made.setQuota("user", USER, { spaceHard: 4096 });
  }
  const options = ["allow_other", "usrquota", "noquota"];
  using mounted = mount("kfs", image, scratch.path("mnt"), { options });
  assert.equal(asUser(mounted, "head -c 90000 /dev/zero > a; echo b > b"), "");
  mounted.unmount();
  mustBeClean(image);
  assert.equal(usage(image, "user", USER)[1], 2);
});

test("a group is limited when its files change hands", (image, scratch) => {
  {
    using made = open(image);
    made.writeFile("/f", new Uint8Array(200_000), { mode: 0o666 });
    made.chown("/f", USER, 0);
    made.setQuota("group", USER, { spaceHard: 100 << 10 });
  }
  const options = ["allow_other", "grpquota"];
  using mounted = mount("kfs", image, scratch.path("mnt"), { options });
  assert.match(asUser(mounted, `chgrp ${USER} f`), /quota exceeded/);
  must("chgrp", [String(USER), mounted.path("f")]);
  assert.match(asUser(mounted, "echo more >> f; head -c 9000 /dev/zero >> f"), /quota exceeded/);
  mounted.unmount();
  mustBeClean(image);
});

test("a project's directory shows and keeps its limits", (image, scratch) => {
  {
    using made = open(image);
    made.mkdir("/p", { mode: 0o777 });
    made.chmod("/p", 0o777);
    made.setQuota("project", 7, { spaceHard: 2 << 20, inodesHard: 10 });
  }
  const options = ["allow_other", "prjquota"];
  using mounted = mount("kfs", image, scratch.path("mnt"), { options });
  must("chattr", ["-p", "7", mounted.path("p")]);
  must("chattr", ["+P", mounted.path("p")]);
  assert.match(must("lsattr", ["-pd", mounted.path("p")]), /^\s*7\s.*P/);
  assert.equal(asUser(mounted, "head -c 1000000 /dev/zero > p/a"), "");
  assert.match(must("lsattr", ["-p", mounted.path("p")]), /^\s*7\s/);
  const frees = must("stat", ["-f", "-c", "%b %f %c %d %S", mounted.path("p")]).trim().split(" ");
  const [blocks = 0, free = 0, files = 0, filesFree = 0, unit = 0] = frees.map(Number);
  assert.deepEqual([blocks * unit, files, filesFree], [2 << 20, 10, 8]);
  assert.ok(free * unit < 1_100_000 && free * unit > 1_080_000, `free: ${free * unit}`);
  assert.match(asUser(mounted, "head -c 2000000 /dev/zero > p/b"), /quota exceeded/);
  Deno.writeTextFileSync(mounted.path("outside"), "text");
  // mv copies when rename says EXDEV.
  const moved = run("python3", [
    "-c",
    "import os,sys; os.rename(sys.argv[1], sys.argv[2])",
    mounted.path("outside"),
    mounted.path("p/inside"),
  ]);
  if (findProgram("python3") !== undefined) assert.match(moved.stderr, /Errno 18/);
  must("mv", [mounted.path("outside"), mounted.path("p/inside")]);
  assert.match(must("lsattr", ["-p", mounted.path("p/inside")]), /^\s*7\s/);
  mounted.unmount();
  mustBeClean(image);
});

test("an option for usage that is not counted is refused", (_image, scratch) => {
  const plain = scratch.path("plain");
  makeImage(plain, { size: "16M" });
  const folder = scratch.makeFolder("mnt");
  for (const word of ["usrquota", "grpquota", "prjquota"]) {
    const done = runCommand("kfs", [plain, folder, "-o", word]);
    assert.equal(done.code, 1);
    assert.match(done.stderr, /does not count what each (user|group|project) uses/);
  }
});

testWith({
  name: "the kernel mounts what was counted",
  needs: [...NEEDS, kernelExt4],
  fn() {
    using scratch = new Scratch("quota");
    const image = scratch.path("image");
    makeImage(image, { size: "64M", options: QUOTAS });
    {
      using mounted = mount("kfs", image, scratch.path("mnt"));
      must("cp", ["-r", "/usr/share/doc/e2fsprogs", mounted.path("copy")]);
      must("chown", ["-R", "1000:100", mounted.path("copy")]);
    }
    mustBeClean(image);
    // A kernel without quota support (CONFIG_QFMT_V2) mounts such an image read-only.
    using kernel = mount("kernel", image, scratch.path("kernel"), { options: ["ro"] });
    const sectors = must("sh", ["-c", `find ${kernel.path("copy")} -printf '%b\\n'`]).trim();
    const counts = sectors.split("\n").map(Number);
    const bytes = counts.reduce((sum, blocks) => sum + blocks * 512, 0);
    assert.deepEqual(usage(image, "user", 1000), [bytes, counts.length]);
    kernel.unmount();
  },
});
