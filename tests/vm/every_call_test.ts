/**
 * Every operation against daemons whose filter of system calls kills: none may be missing from its list.
 *
 * @module
 */

import assert from "node:assert/strict";

import { OPCODE, SIZE } from "../../ffi/fuse/abi.ts";
import type { ParsedReply, Part } from "../../ffi/fuse/testing/request_builder.ts";
import { connectTo } from "../../ffi/libc/socket.ts";
import { TestFrontEnd } from "../../vhost/testing/front_end.ts";
import { TestGuest } from "../../vhost/testing/guest.ts";
import { run } from "../../tools/process.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { Scratch } from "../harness/scratch.ts";
import { programs, testWith } from "../harness/skip.ts";
import { Daemon } from "./daemon.ts";

const O_RDWR = 2;
const O_DIRECT = 0o40000;
const O_TMPFILE = 0o20200000;
const NOTHING = new Uint8Array(64);
/** What a mode or a handle may refuse: EPERM, EROFS, ENOSYS, EOPNOTSUPP, EEXIST, ENOTTY, EINVAL, ENODATA, ENOENT, EBADF, ESTALE, ENXIO. */
const REFUSALS = [-1, -30, -38, -95, -17, -25, -22, -61, -2, -9, -116, -6];

function numberAt(reply: ParsedReply, at: number): number {
  return reply.error === 0 ? Number(reply.body.getBigUint64(at, true)) : 0;
}

/** Asks; errors other than the expected ones are faults. */
function asker(guest: TestGuest) {
  return (opcode: number, node: number, ...parts: readonly Part[]): ParsedReply => {
    const reply = guest.ask(opcode, node, parts, 70_000);
    const fine = reply.error === 0 || REFUSALS.includes(reply.error);
    assert.ok(fine, `operation ${opcode}: error ${reply.error}`);
    return reply;
  };
}

type Ask = ReturnType<typeof asker>;

function makeNames(ask: Ask): number {
  const made = ask(OPCODE.MKDIR, 1, { u32: 0o755 }, { u32: 0o22 }, "folder");
  ask(OPCODE.MKNOD, 1, { u32: 0o010644 }, { u32: 0 }, { u32: 0 }, { u32: 0 }, "pipe");
  ask(OPCODE.SYMLINK, 1, "link\0target");
  const link = ask(OPCODE.LOOKUP, 1, "link");
  if (link.error === 0) ask(OPCODE.READLINK, numberAt(link, 0));
  const file = numberAt(ask(OPCODE.LOOKUP, 1, "present"), 0);
  ask(OPCODE.LINK, 1, { u64: file }, "linked");
  ask(OPCODE.RENAME, 1, { u64: 1 }, "linked\0renamed");
  ask(OPCODE.RENAME2, 1, { u64: 1 }, { u32: 1 }, { u32: 0 }, "renamed\0again");
  ask(OPCODE.UNLINK, 1, "again");
  return numberAt(made, 0);
}

function useAttributes(ask: Ask, node: number): void {
  ask(OPCODE.SETXATTR, node, { u32: 5 }, { u32: 0 }, { u64: 0 }, "user.a\0value");
  ask(OPCODE.GETXATTR, node, { u32: 100 }, { u32: 0 }, "user.a");
  ask(OPCODE.LISTXATTR, node, { u32: 1000 }, { u32: 0 });
  ask(OPCODE.REMOVEXATTR, node, "user.a");
  for (const valid of [1, 2 | 4, 8, 16 | 32, 128 | 256]) {
    const change = new Uint8Array(88);
    const view = new DataView(change.buffer);
    view.setUint32(0, valid, true);
    view.setUint32(68, 0o100600, true);
    ask(OPCODE.SETATTR, node, change);
  }
  ask(OPCODE.STATFS, node);
  ask(OPCODE.ACCESS, node, { u32: 4 }, { u32: 0 });
}

function useFile(ask: Ask, node: number, handle: number): void {
  const at = [{ u64: handle }, { u64: 0 }] as const;
  ask(OPCODE.WRITE, node, ...at, { u32: 4096 }, new Uint8Array(20), new Uint8Array(4096));
  ask(OPCODE.READ, node, ...at, { u32: 4096 }, new Uint8Array(20));
  ask(OPCODE.FALLOCATE, node, ...at, { u64: 65536 }, { u32: 0 }, { u32: 0 });
  ask(OPCODE.LSEEK, node, ...at, { u32: 3 }, { u32: 0 });
  const copy = [{ u64: node }, { u64: handle }, { u64: 8192 }, { u64: 4096 }, { u64: 0 }] as const;
  ask(OPCODE.COPY_FILE_RANGE, node, ...at, ...copy);
  ask(OPCODE.FSYNC, node, { u64: handle }, { u32: 0 }, { u32: 0 });
  ask(OPCODE.FSYNC, node, { u64: handle }, { u32: 1 }, { u32: 0 });
  ask(OPCODE.IOCTL, node, { u64: handle }, NOTHING.subarray(0, 24));
  ask(OPCODE.FLUSH, node, { u64: handle }, NOTHING.subarray(0, 16));
  ask(OPCODE.RELEASE, node, { u64: handle }, NOTHING.subarray(0, 16));
}

function useFiles(ask: Ask): void {
  const created = ask(
    OPCODE.CREATE,
    1,
    { u32: O_RDWR },
    { u32: 0o644 },
    { u32: 0 },
    { u32: 0 },
    "new",
  );
  if (created.error === 0) useFile(ask, numberAt(created, 0), numberAt(created, SIZE.ENTRY_OUT));
  const flags = { u32: O_RDWR | O_TMPFILE };
  const unnamed = ask(OPCODE.TMPFILE, 1, flags, { u32: 0o600 }, { u32: 0 }, { u32: 0 }, "");
  if (unnamed.error === 0) useFile(ask, numberAt(unnamed, 0), numberAt(unnamed, SIZE.ENTRY_OUT));
  const present = numberAt(ask(OPCODE.LOOKUP, 1, "present"), 0);
  for (const wanted of [0, O_RDWR, O_DIRECT]) {
    const opened = ask(OPCODE.OPEN, present, { u32: wanted }, { u32: 0 });
    if (opened.error === 0) useFile(ask, present, numberAt(opened, 0));
  }
  useAttributes(ask, present);
}

function list(ask: Ask): void {
  const handle = { u64: numberAt(ask(OPCODE.OPENDIR, 1, { u32: 0 }, { u32: 0 }), 0) };
  for (const opcode of [OPCODE.READDIR, OPCODE.READDIRPLUS]) {
    ask(opcode, 1, handle, { u64: 0 }, { u32: 65536 }, new Uint8Array(20));
  }
  ask(OPCODE.FSYNCDIR, 1, handle, { u32: 0 }, { u32: 0 });
  ask(OPCODE.RELEASEDIR, 1, handle, NOTHING.subarray(0, 16));
}

async function everything(daemon: Daemon): Promise<void> {
  const frontEnd = new TestFrontEnd(connectTo(daemon.socket), () => {});
  frontEnd.start();
  const guest = new TestGuest(frontEnd);
  assert.equal(guest.connect().error, 0);
  const ask = asker(guest);
  for (const id of Deno.uid() === 0 ? [0, 1000] : [0]) {
    guest.uid = guest.gid = id;
    makeNames(ask);
    useFiles(ask);
    list(ask);
    ask(OPCODE.UNLINK, 1, "new");
    ask(OPCODE.UNLINK, 1, "pipe");
    ask(OPCODE.UNLINK, 1, "link");
    ask(OPCODE.RMDIR, 1, "folder");
  }
  ask(OPCODE.SYNCFS, 1, { u64: 0 });
  assert.equal(guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)]).error, 0);
  frontEnd.close();
  const { code, log } = await daemon.ended();
  assert.equal(code, 0, log);
}

const ROOT = Deno.uid() === 0;
const COMMON = ["--seccomp", "kill", "--sandbox", ROOT ? "namespace" : "none"];
const WAYS: Readonly<Record<string, readonly string[]>> = {
  "a directory": ["--xattr", "--posix-acl", "--allow-direct-io"],
  "a directory, writeback, nothing kept": ["--writeback", "--cache", "never", "--xattr"],
  "a directory, read-only": ["--readonly", "--xattr"],
  "a directory by handles": ["--inode-file-handles", "prefer", "--xattrmap", ":map::user.v.:"],
};

for (const [title, words] of Object.entries(WAYS)) {
  Deno.test(`no operation needs a call that the filter forbids: ${title}`, async () => {
    using scratch = new Scratch("vhost-calls");
    const share = scratch.makeFolder("share");
    Deno.writeTextFileSync(`${share}/present`, "text");
    const all = ["--shared-dir", share, ...COMMON, ...words];
    await using daemon = await Daemon.start(scratch.path("socket"), all);
    await everything(daemon);
  });
}

testWith({
  name: "no operation needs a call that the filter forbids: an image, and then read-only",
  needs: [programs("mke2fs", "e2fsck")],
  fn: async () => {
    using scratch = new Scratch("vhost-calls");
    const image = scratch.path("image");
    const folder = scratch.makeFolder("files");
    Deno.writeTextFileSync(`${folder}/present`, "text");
    assert.equal(run("mke2fs", ["-q", "-t", "ext4", "-d", folder, image, "64M"]).code, 0);
    for (const words of [[], ["--readonly"]]) {
      const all = ["--image", image, ...COMMON, ...words];
      await using daemon = await Daemon.start(scratch.path("socket"), all);
      await everything(daemon);
      mustBeClean(image);
    }
  },
});
