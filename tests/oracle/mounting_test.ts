import assert from "node:assert/strict";
import { findProgram } from "../../tools/process.ts";
import { command, commandLine, must, runCommand } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import { mount } from "../harness/mount.ts";
import { awaitReleased, holderOf, sleepSync } from "../harness/released.ts";
import { mountsUnder, Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, root, testWith } from "../harness/skip.ts";

const NEEDS: readonly Need[] = [command("mkfs"), command("kfs"), fuse, programs("e2fsck")];

function test(
  name: string,
  fn: (image: string, scratch: Scratch) => void,
  ...more: readonly Need[]
): void {
  testWith({
    name,
    needs: [...NEEDS, ...more],
    fn() {
      using scratch = new Scratch("mounting");
      const image = scratch.path("image");
      makeImage(image, { size: "32M" });
      fn(image, scratch);
    },
  });
}

function isMounted(path: string): boolean {
  return mountsUnder(path).includes(path);
}

/** Waits until the mount is gone and the image is let go of. */
function awaitEnd(image: string, mountpoint: string): void {
  for (let tries = 0; isMounted(mountpoint); tries++) {
    if (tries > 200) throw new Error(`${mountpoint} is still mounted`);
    sleepSync(50);
  }
  awaitReleased(image, 20_000);
}

/** Refused: not mounted, a status other than 0, one line that says why. */
function mustRefuse(args: readonly string[], mountpoint: string, what: string): string {
  const done = runCommand("kfs", args);
  const words = done.stderr.trim();
  assert.notEqual(done.code, 0, `${what}: status; ${words}`);
  assert.equal(isMounted(mountpoint), false, `${what}: nothing is mounted`);
  const lines = words.split("\n").filter((line) => !line.startsWith("Try "));
  assert.equal(lines.length, 1, `${what}: one line; got\n${words}`);
  assert.doesNotMatch(words, /Uncaught|\bat file:/, what);
  return words;
}

test(
  "kfs returns once the mount answers, and the image is whole after umount",
  (image, scratch) => {
    using mounted = mount("kfs", image, scratch.path("mnt"));
    Deno.writeTextFileSync(mounted.path("file"), "text");
    assert.equal(Deno.readTextFileSync(mounted.path("file")), "text");
    mounted.unmount();
    mustBeClean(image);
    assert.equal(must("debugfs", ["-R", "cat /file", image]), "text");
  },
);

test("a second kfs on a mounted image is refused", (image, scratch) => {
  using _mounted = mount("kfs", image, scratch.path("mnt"));
  const second = scratch.makeFolder("second");
  mustRefuse([image, second], second, "a second mount");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} unmounts cleanly`, (image, scratch) => {
    using mounted = mount("kfs", image, scratch.path("mnt"));
    Deno.writeTextFileSync(mounted.path("file"), "kept");
    const pid = holderOf(image);
    assert.ok(pid !== undefined, "one process serves the image");
    Deno.kill(pid, signal);
    awaitEnd(image, mounted.mountpoint);
    mustBeClean(image);
    assert.equal(must("debugfs", ["-R", "cat /file", image]), "kept");
  });
}

testWith({
  name: "-f stays until the mount is gone, and ends with status 0",
  needs: NEEDS,
  async fn() {
    using scratch = new Scratch("mounting");
    const image = scratch.path("image");
    makeImage(image, { size: "32M" });
    const mountpoint = scratch.makeFolder("mnt");
    const [program, ...first] = commandLine("kfs");
    const child = new Deno.Command(program, {
      args: [...first, image, mountpoint, "-f"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let tries = 0; tries < 400 && !isMounted(mountpoint); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert.ok(isMounted(mountpoint));
    Deno.writeTextFileSync(`${mountpoint}/file`, "x");
    must(Deno.uid() === 0 ? "umount" : "fusermount3", [
      ...(Deno.uid() === 0 ? [] : ["-u"]),
      mountpoint,
    ]);
    assert.equal((await child.status).code, 0);
    mustBeClean(image);
  },
});

test("ro changes not one byte of the image", (image, scratch) => {
  const before = must("sha1sum", [image]);
  using mounted = mount("kfs", image, scratch.path("mnt"), { options: ["ro"] });
  assert.throws(() => Deno.writeTextFileSync(mounted.path("file"), "x"));
  assert.deepEqual([...Deno.readDirSync(mounted.mountpoint)].map(({ name }) => name), [
    "lost+found",
  ]);
  mounted.unmount();
  assert.equal(must("sha1sum", [image]), before);
});

test("a file system that begins inside of the file is mounted with offset=", (image, scratch) => {
  const disk = scratch.path("disk");
  must("dd", ["status=none", `if=${image}`, `of=${disk}`, "bs=1M", "seek=3", "conv=sparse"]);
  using mounted = mount("kfs", disk, scratch.path("mnt"), { options: ["offset=3145728"] });
  Deno.writeTextFileSync(mounted.path("file"), "x");
  mounted.unmount();
  must("dd", ["status=none", `if=${disk}`, `of=${image}`, "bs=1M", "skip=3", "conv=sparse"]);
  mustBeClean(image);
  assert.equal(must("debugfs", ["-R", "cat /file", image]), "x");
});

test("fsname= and subtype= show in the list of mounts", (image, scratch) => {
  using mounted = mount("kfs", image, scratch.path("mnt"), {
    options: ["fsname=a-name", "subtype=a-type"],
  });
  const lines = Deno.readTextFileSync("/proc/self/mountinfo").split("\n");
  const line = lines.find((entry) => entry.includes(mounted.mountpoint)) ?? "";
  assert.match(line, / fuse\.a-type a-name /);
});

test("bad input is refused in one line", (image, scratch) => {
  const mountpoint = scratch.makeFolder("mnt");
  const zeros = scratch.path("zeros");
  Deno.writeFileSync(zeros, new Uint8Array(1 << 20));
  const empty = scratch.path("empty");
  Deno.writeFileSync(empty, new Uint8Array(0));
  const bad: Readonly<Record<string, readonly string[]>> = {
    "a missing image": [scratch.path("absent"), mountpoint],
    "a folder as image": [scratch.folder, mountpoint],
    "zeros": [zeros, mountpoint],
    "an empty file": [empty, mountpoint],
    "a missing mount point": [image, scratch.path("absent")],
    "a file as mount point": [image, zeros],
    "an unknown option": [image, mountpoint, "-o", "no_such_option"],
    "a bad value": [image, mountpoint, "-o", "errors=explode"],
    "a bad number": [image, mountpoint, "-o", "commit=soon"],
    "no mount point": [image],
  };
  for (const [what, args] of Object.entries(bad)) mustRefuse(args, mountpoint, what);
  mustBeClean(image);
});

testWith({
  name: "mount -t fuse.kfs mounts, with options, as from fstab",
  needs: [...NEEDS, root, programs("mount.fuse3")],
  fn() {
    using scratch = new Scratch("mounting");
    const image = scratch.path("image");
    makeImage(image, { size: "32M" });
    const bin = scratch.makeFolder("bin");
    const words = commandLine("kfs").map((word) => `'${word}'`).join(" ");
    Deno.writeTextFileSync(`${bin}/kfs`, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
    const mountpoint = scratch.makeFolder("mnt");
    const path = `${bin}:${Deno.env.get("PATH") ?? ""}`;
    const helper = findProgram("mount.fuse3") ?? "";
    must(helper, [image, mountpoint, "-t", "fuse.kfs", "-o", "rw,noatime,nofail"], {
      env: { PATH: path, HOME: Deno.env.get("HOME") ?? "/root" },
    });
    assert.ok(isMounted(mountpoint));
    Deno.writeTextFileSync(`${mountpoint}/file`, "x");
    must("umount", [mountpoint]);
    awaitReleased(image);
    mustBeClean(image);
  },
});

/** `nobody`: fusermount3 wants a user that has a name. */
const USER = "65534";

/**
 * Debian lets everybody open /dev/fuse, some machines do not: in a mount namespace of its own the script
 * puts a node there that all may open. Arguments: the node, the image, the mount point, then kfs.
 */
const AS_USER = `
node=$1 image=$2 mountpoint=$3; shift 3
user="setpriv --reuid=${USER} --regid=${USER} --clear-groups"
mknod -m 666 "$node" c 10 229 && mount --bind "$node" /dev/fuse
$user "$@" "$image" "$mountpoint"
$user sh -c 'cd "$1"; echo mine > file; mkdir d; test "$(stat -c %u file)" = ${USER}' sh "$mountpoint"
if ls "$mountpoint" 2>/dev/null; then echo "root is another user to this mount" >&2; exit 1; fi
$user fusermount3 -u "$mountpoint"`;

testWith({
  name: "an unprivileged user mounts through fusermount3 and works as the owner",
  needs: [...NEEDS, root, programs("setpriv", "unshare", "fusermount3")],
  fn() {
    using scratch = new Scratch("user");
    Deno.chmodSync(scratch.folder, 0o777);
    const image = scratch.path("image");
    makeImage(image, { size: "32M", options: ["-E", `root_owner=${USER}:${USER}`] });
    const mountpoint = scratch.makeFolder("mnt");
    const home = scratch.makeFolder("home");
    for (const path of [image, mountpoint, home]) Deno.chownSync(path, Number(USER), Number(USER));
    must("unshare", [
      ...["--mount", "--propagation", "private", "sh", "-euc", AS_USER, "sh"],
      scratch.path("fuse"),
      image,
      mountpoint,
      ...visibleCommand(scratch),
    ], { env: { HOME: home, DENO_DIR: `${home}/deno` } });
    awaitReleased(image);
    mustBeClean(image);
    assert.equal(must("debugfs", ["-R", "cat /file", image]), "mine\n");
  },
});

/** The user may not look into root's folders: the sources are bundled into the scratch folder. */
function visibleCommand(scratch: Scratch): readonly string[] {
  const words = commandLine("kfs");
  if (words.length === 1) {
    const copy = scratch.path("kfs");
    Deno.copyFileSync(words[0], copy);
    Deno.chmodSync(copy, 0o755);
    return [copy];
  }
  const deno = scratch.path("deno");
  Deno.copyFileSync(Deno.execPath(), deno);
  Deno.chmodSync(deno, 0o755);
  const tree = scratch.makeFolder("project");
  const script = words.at(-1) ?? "";
  const project = script.replace(/\/cmd\/kfs\.ts$/, "");
  const folders = ["cmd", "lib", "fs", "ffi", "mod.ts", "deno.json"];
  must("cp", ["-r", ...folders.map((name) => `${project}/${name}`), tree]);
  must("chmod", ["-R", "a+rX", tree]);
  return [deno, "run", "--no-lock", "-A", `${tree}/cmd/kfs.ts`];
}
