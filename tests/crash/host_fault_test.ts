import assert from "node:assert/strict";
import { command, must } from "../harness/commands.ts";
import * as libc from "../harness/libc.ts";
import { logOf, mount, type Mounted } from "../harness/mount.ts";
import { holderOf } from "../harness/released.ts";
import { mountsUnder, Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, root, testWith } from "../harness/skip.ts";
import { run } from "../../tools/process.ts";

const NEEDS: readonly Need[] = [command("mkfs"), command("kfs"), fuse, root, programs("e2fsck")];
const EIO = 5;
const ENOSPC = 28;
const EROFS = 30;
const MIB = 1 << 20;

/** A folder on a host file system of its own, with a sparse image that does not fit into it. */
function withSmallHost(work: (image: string, mountPoint: string, host: string) => void): void {
  using scratch = new Scratch("host");
  const host = scratch.makeFolder("host");
  must("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", host]);
  const image = `${host}/image`;
  must("mke2fs", ["-q", "-F", "-t", "ext4", "-E", "lazy_journal_init=1", image, "64M"]);
  work(image, scratch.path("mnt"), host);
}

/** Writes pieces with an fsync each until something fails. @returns the first negated errno. */
function fill(path: string, mostBytes: number): number {
  const descriptor = libc.open(path, libc.O_RDWR | libc.O_CREAT);
  if (descriptor < 0) return descriptor;
  const piece = new Uint8Array(MIB / 4).fill(0x5a);
  try {
    for (let offset = 0; offset < mostBytes; offset += piece.length) {
      const count = libc.pwrite(descriptor, piece, offset);
      if (count < piece.length) return count < 0 ? count : -EIO;
      const synced = libc.fsync(descriptor);
      if (synced < 0) return synced;
    }
    return 0;
  } finally {
    libc.close(descriptor);
  }
}

/** The process is there, and answers. */
function mustAnswer(mounted: Mounted, image: string): void {
  assert.ok(holderOf(image) !== undefined, "the process lives");
  const names = libc.readdir(mounted.mountpoint);
  assert.ok(typeof names !== "number", `a listing answers: ${names}`);
}

function mustRecover(image: string, mountPoint: string, host: string): void {
  const copy = `${mountPoint}.copy`;
  must("cp", ["--sparse=always", image, copy]);
  assert.ok(run("e2fsck", ["-fy", copy]).code <= 1, "e2fsck recovers it");
  assert.equal(run("e2fsck", ["-fn", copy]).code, 0, "and finds it clean then");
  using again = mount("kfs", copy, `${mountPoint}.again`);
  assert.equal(Deno.readTextFileSync(again.path("before")), "before the disk was full");
  again.unmount();
  Deno.removeSync(copy);
  must("umount", [host]);
}

testWith({
  name: "a host disk that is full: ENOSPC or EIO, and what was synced is recovered",
  needs: [...NEEDS, programs("mke2fs")],
  fn() {
    withSmallHost((image, mountPoint, host) => {
      const log = `${mountPoint}.log`;
      using mounted = mount("kfs", image, mountPoint, {
        options: ["errors=remount-ro", `logfile=${log}`],
      });
      Deno.writeTextFileSync(mounted.path("before"), "before the disk was full");
      must("sync", ["-f", mountPoint]);
      const answer = fill(mounted.path("big"), 48 * MIB);
      assert.ok([-ENOSPC, -EIO, -EROFS].includes(answer), `the writer is told: ${answer}`);
      mustAnswer(mounted, image);
      assert.equal(Deno.readTextFileSync(mounted.path("before")), "before the disk was full");
      assert.match(Deno.readTextFileSync(log), /no space left/i, "the log says why");
      mounted.unmount();
      mustRecover(image, mountPoint, host);
    });
  },
});

testWith({
  name: "an image that is cut off under the mount: errors, and the process ends in order",
  needs: NEEDS,
  fn() {
    using scratch = new Scratch("cut");
    const image = scratch.path("image");
    must("mke2fs", ["-q", "-F", "-t", "ext4", image, "64M"]);
    using mounted = mount("kfs", image, scratch.path("mnt"), { options: ["errors=remount-ro"] });
    Deno.writeTextFileSync(mounted.path("before"), "x".repeat(100_000));
    must("sync", ["-f", mounted.mountpoint]);
    Deno.truncateSync(image, MIB / 2);
    const size = 100 * 1024;
    const content = libc.open(mounted.path("new"), libc.O_RDWR | libc.O_CREAT);
    const written = content < 0 ? content : fill(mounted.path("new"), 4 * size);
    assert.ok(written <= 0, `no crash: ${written}`);
    if (content >= 0) libc.close(content);
    assert.ok(holderOf(image) !== undefined, "the process lives");
    mounted.unmount();
    assert.deepEqual(mountsUnder(mounted.mountpoint), []);
    assert.equal(holderOf(image), undefined, "the process has ended");
    assert.doesNotMatch(logOf(image), /Uncaught|\bat file:/, logOf(image));
  },
});

testWith({
  name:
    "errors=panic takes the mount away when the device fails, although the log cannot be written",
  needs: [...NEEDS, programs("mke2fs")],
  fn() {
    withSmallHost((image, mountPoint, host) => {
      using mounted = mount("kfs", image, mountPoint, { options: ["errors=panic"] });
      Deno.writeTextFileSync(mounted.path("before"), "before the disk was full");
      must("sync", ["-f", mountPoint]);
      const answer = fill(mounted.path("big"), 48 * MIB);
      assert.ok(answer < 0, `the writer is told: ${answer}`);
      for (let tries = 0; mountsUnder(mountPoint).includes(mountPoint) && tries < 100; tries++) {
        run("sleep", ["0.05"]);
      }
      assert.deepEqual(mountsUnder(mountPoint), [], "nothing is mounted");
      mounted.unmount();
      mustRecover(image, mountPoint, host);
    });
  },
});
