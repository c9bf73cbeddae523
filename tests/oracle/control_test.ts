import assert from "node:assert/strict";
import { close, open } from "../../ffi/libc/file.ts";
import { ioctl } from "../../ffi/libc/ioctl.ts";
import { O_DIRECTORY } from "../../ffi/libc/constants.ts";
import { CONTROL_IOCTL, FRAME_BYTES } from "../../cmd/shared/control_protocol.ts";
import { MountClient, RefusedByMount } from "../../cmd/kfsctl/mount_client.ts";
import type { MountStatus } from "../../cmd/shared/mount_status.ts";
import { command, commandLine, mustCommand, runCommand } from "../harness/commands.ts";
import { findProgram, run } from "../../tools/process.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import { mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, root, testWith } from "../harness/skip.ts";

const NEEDS: readonly Need[] = [command("mkfs"), command("kfs"), command("kfsctl"), fuse];

testWith({
  name: "kfsctl status asks the mount, whatever names it",
  needs: [...NEEDS, programs("e2fsck")],
  fn() {
    using scratch = new Scratch("control");
    const image = scratch.path("image");
    makeImage(image, { size: "32M" });
    using mounted = mount("kfs", image, scratch.path("mnt"));
    Deno.mkdirSync(mounted.path("folder"));
    Deno.writeTextFileSync(mounted.path("folder/file"), "text");
    const names = [mounted.mountpoint, mounted.path("folder/file"), image];
    for (const name of names) {
      const status: MountStatus = JSON.parse(mustCommand("kfsctl", ["status", "--json", name]));
      assert.equal(status.image, image, name);
      assert.equal(status.mountPoint, mounted.mountpoint);
      assert.equal(status.health.state, "good");
      const made = status.operations.find((operation) => operation.name === "CREATE");
      assert.equal(made?.count, 1, "files made");
      assert.equal(status.writtenBytes, 4);
    }
    const text = mustCommand("kfsctl", ["status", mounted.mountpoint]);
    assert.match(text, /^health +good$/m);
    assert.ok(!text.includes("\x1b"), "no colours but on a terminal");
    const nowhere = runCommand("kfsctl", ["status", scratch.makeFolder("empty")]);
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /neither an image nor in a mount of kfs/);
    mounted.unmount();
    mustBeClean(image);
  },
});

testWith({
  name: "nonsense in the control channel is refused, and the mount goes on",
  needs: NEEDS,
  fn() {
    using scratch = new Scratch("control");
    const image = scratch.path("image");
    makeImage(image, { size: "16M" });
    using mounted = mount("kfs", image, scratch.path("mnt"));
    const descriptor = open(mounted.mountpoint, O_DIRECTORY);
    assert.equal(ioctl(descriptor, CONTROL_IOCTL, new Uint8Array(FRAME_BYTES)), 22, "EINVAL");
    assert.equal(ioctl(descriptor, CONTROL_IOCTL + 1, new Uint8Array(FRAME_BYTES)), 25, "ENOTTY");
    close(descriptor);
    using client = new MountClient(mounted.mountpoint);
    const refused = (name: string, args: Record<string, unknown>, kind: string): void => {
      const isRefusal = (error: unknown): boolean =>
        error instanceof RefusedByMount && error.kind === kind;
      assert.throws(() => client.ask(name, args), isRefusal, name);
    };
    refused("nothing", {}, "missing");
    refused("__proto__", {}, "missing");
    refused("constructor", {}, "missing");
    refused("job.start", { name: "toString" }, "missing");
    refused("job.start", {}, "usage");
    refused("job.poll", { id: "x" }, "usage");
    refused("job.poll", { id: 7 }, "missing");
    refused("job.start", { name: "x".repeat(900_000) }, "missing");
    assert.equal(client.ask<MountStatus>("status").health.state, "good");
  },
});

testWith({
  name: "only root and the user who mounted may ask",
  needs: [...NEEDS, root, programs("setpriv")],
  fn() {
    using scratch = new Scratch("control");
    const image = scratch.path("image");
    makeImage(image, { size: "16M" });
    Deno.chmodSync(scratch.path("."), 0o755);
    using mounted = mount("kfs", image, scratch.path("mnt"), { options: ["allow_other"] });
    const words = commandLine("kfsctl");
    const as = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const env = { DENO_DIR: scratch.makeFolder("deno"), HOME: "/nonexistent" };
    Deno.chmodSync(env.DENO_DIR, 0o777);
    const done = run("setpriv", [...as, ...words, "status", mounted.mountpoint], { env });
    assert.equal(done.code, 1, done.stderr);
    assert.match(done.stderr, /only root and the user who mounted it may ask this mount\n$/);
  },
});

const USER = 65534;
const AS_USER = `setpriv --reuid=${USER} --regid=${USER} --clear-groups`;

/** A user can mount here: fusermount3 is set-user-id, and the commands can be read by all. */
const userMounts: Need = () => {
  const helper = findProgram("fusermount3");
  if (helper === undefined) return "no fusermount3 here";
  if (((Deno.statSync(helper).mode ?? 0) & 0o4000) === 0) return "fusermount3 is not set-user-id";
  const last = commandLine("kfs").at(-1) ?? "";
  const seen = run("setpriv", [...AS_USER.split(" ").slice(1), "test", "-r", last]);
  return seen.code === 0 ? undefined : "users cannot read the commands";
};

testWith({
  name: "a user's mount answers him and root, nobody else",
  needs: [...NEEDS, root, programs("setpriv", "unshare"), userMounts],
  fn() {
    using scratch = new Scratch("control");
    const folder = scratch.path(".");
    Deno.chmodSync(folder, 0o755);
    makeImage(`${folder}/image`, { size: "16M" });
    for (const name of ["device", "mnt", "cache"]) scratch.makeFolder(name);
    for (const name of ["image", "mnt", "cache"]) Deno.chownSync(`${folder}/${name}`, USER, USER);
    const [kfs, kfsctl] = ["kfs", "kfsctl"].map((name) => commandLine(name).join(" "));
    // In a mount namespace of its own: a /dev/fuse that everybody may open, as on ordinary systems.
    const script = `mount -t tmpfs -o dev none device; mknod device/fuse c 10 229
      chmod 666 device/fuse; mount --bind device/fuse /dev/fuse
      ${AS_USER} ${kfs} image mnt || exit 9
      ${AS_USER} ${kfsctl} status mnt | grep health
      ${kfsctl} status mnt | grep health
      ${kfsctl} frag --json image | grep '"files"'
      ${AS_USER.replaceAll(String(USER), "1234")} ${kfsctl} status mnt 2>&1
      umount mnt`;
    const env = { DENO_DIR: `${folder}/cache`, HOME: folder, NO_COLOR: "1" };
    const done = run("unshare", ["--mount", "bash", "-c", script], { env, cwd: folder });
    assert.match(
      done.stdout,
      /^health +good\nhealth +good\n +"files": 2,\nkfsctl status: \S+\/mnt: only root and the user/,
      done.stderr,
    );
  },
});
