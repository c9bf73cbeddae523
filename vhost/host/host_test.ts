import assert from "node:assert/strict";

import { OPCODE, SIZE } from "../../ffi/fuse/abi.ts";
import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import type { ParsedReply, Part } from "../../ffi/fuse/testing/request_builder.ts";
import { IS_ROOT, Share } from "../testing/share.ts";

function handleOf(reply: ParsedReply, at = 0): number {
  return Number(reply.body.getBigUint64(at, true));
}

function readParts(handle: number, offset: number, size: number): Part[] {
  return [{ u64: handle }, { u64: offset }, { u32: size }, new Uint8Array(20)];
}

Deno.test("names that leave the directory are refused", () => {
  using share = new Share();
  for (const name of ["", ".", "..", "../outside", "a/b", "/etc/passwd", "/"]) {
    assert.equal(share.ask(OPCODE.LOOKUP, ROOT_NODE, [name]).error, -22, name);
    assert.equal(share.ask(OPCODE.UNLINK, ROOT_NODE, [name]).error, -22, name);
    const made = share.ask(OPCODE.MKDIR, ROOT_NODE, [{ u32: 0o755 }, { u32: 0 }, name]);
    assert.equal(made.error, -22, name);
  }
});

Deno.test("links are never followed here, whatever they point at", { ignore: !IS_ROOT }, () => {
  using share = new Share();
  Deno.symlinkSync("../outside", `${share.path}/link`);
  Deno.symlinkSync("/", `${share.path}/slash`);
  const link = share.lookup(ROOT_NODE, "link");
  assert.equal(share.open(link).error, -13);
  assert.equal(share.ask(OPCODE.LOOKUP, share.lookup(ROOT_NODE, "slash"), ["etc"]).error, -20);
  const created = share.ask(OPCODE.CREATE, ROOT_NODE, [
    { u32: 2 },
    { u32: 0o644 },
    { u32: 0 },
    { u32: 0 },
    "link",
  ]);
  assert.equal(created.error, -17);
  const truncated = new Uint8Array(88);
  truncated[0] = 8;
  assert.equal(share.ask(OPCODE.SETATTR, link, [truncated]).error, -13);
  assert.equal(Deno.readTextFileSync(`${share.folder}/outside`), "secret");
  const target = share.ask(OPCODE.READLINK, link);
  assert.equal(new TextDecoder().decode(target.bytes), "../outside");
});

Deno.test("a directory that is replaced by a link between requests leads nowhere", () => {
  using share = new Share();
  Deno.mkdirSync(`${share.path}/folder`);
  Deno.writeTextFileSync(`${share.path}/folder/outside`, "inside");
  const folder = share.lookup(ROOT_NODE, "folder");
  Deno.renameSync(`${share.path}/folder`, `${share.path}/moved`);
  Deno.symlinkSync("..", `${share.path}/folder`);
  const file = share.lookup(folder, "outside");
  const opened = share.open(file, 0);
  const read = share.ask(OPCODE.READ, file, readParts(handleOf(opened), 0, 100));
  assert.equal(new TextDecoder().decode(read.bytes), "inside");
});

Deno.test("devices and pipes of the host cannot be opened", () => {
  using share = new Share();
  new Deno.Command("mkfifo", { args: [`${share.path}/pipe`] }).outputSync();
  assert.equal(share.open(share.lookup(ROOT_NODE, "pipe"), 0).error, -13);
});

Deno.test("node ids and handles that were not given are refused", () => {
  using share = new Share();
  Deno.writeTextFileSync(`${share.path}/file`, "text");
  const file = share.lookup(ROOT_NODE, "file");
  for (const node of [0, 7777, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    assert.equal(share.ask(OPCODE.GETATTR, node, [new Uint8Array(16)]).error, -116);
    assert.equal(share.open(node).error, -116);
  }
  const handle = handleOf(share.open(file));
  assert.equal(share.ask(OPCODE.READ, ROOT_NODE, readParts(handle, 0, 10)).error, -9);
  assert.equal(share.ask(OPCODE.READ, file, readParts(handle + 1, 0, 10)).error, -9);
  const beyond = [{ u64: handle }, new Uint8Array(8).fill(0xff), { u32: 10 }, new Uint8Array(20)];
  assert.equal(share.ask(OPCODE.READ, file, beyond).error, -22);
  share.server.ask(OPCODE.FORGET, file, [{ u64: 1 }]);
  assert.equal(share.ask(OPCODE.GETATTR, file, [new Uint8Array(16)]).error, -116);
  share.server.ask(OPCODE.FORGET, ROOT_NODE, [{ u64: 1000 }]);
  assert.equal(share.ask(OPCODE.GETATTR, ROOT_NODE, [new Uint8Array(16)]).error, 0);
});

Deno.test("a large directory is listed whole, and again from places in it", () => {
  using share = new Share();
  const names = Array.from({ length: 3000 }, (_, index) => `file-${index}`);
  for (const name of names) Deno.writeTextFileSync(`${share.path}/${name}`, "");
  const opened = share.ask(OPCODE.OPENDIR, ROOT_NODE, [{ u32: 0 }, { u32: 0 }]);
  const handle = handleOf(opened);
  const list = (from: number): { name: string; next: number }[] => {
    const reply = share.ask(OPCODE.READDIR, ROOT_NODE, readParts(handle, from, 4096));
    const found: { name: string; next: number }[] = [];
    for (let at = 0; at < reply.bytes.length;) {
      const length = reply.body.getUint32(at + 16, true);
      const next = Number(reply.body.getBigUint64(at + 8, true));
      const name = reply.bytes.subarray(at + SIZE.DIRENT, at + SIZE.DIRENT + length);
      found.push({ name: new TextDecoder().decode(name), next });
      at += SIZE.DIRENT + Math.ceil(length / 8) * 8;
    }
    return found;
  };
  const all: { name: string; next: number }[] = [];
  for (let part = list(0); part.length > 0; part = list(all.at(-1)?.next ?? 0)) all.push(...part);
  assert.deepEqual(all.map(({ name }) => name).sort(), [".", "..", ...names].sort());
  const middle = all[1500];
  assert.ok(middle !== undefined);
  assert.equal(list(middle.next)[0]?.name, all[1501]?.name);
  assert.equal(list(0)[0]?.name, all[0]?.name);
});

Deno.test("read-only refuses every change", () => {
  using share = new Share({ readOnly: true });
  Deno.writeTextFileSync(`${share.path}/file`, "text");
  const file = share.lookup(ROOT_NODE, "file");
  const EROFS = -30;
  assert.equal(share.open(file, 1).error, EROFS);
  assert.equal(share.open(file, 0o1000).error, EROFS);
  assert.equal(share.ask(OPCODE.UNLINK, ROOT_NODE, ["file"]).error, EROFS);
  assert.equal(share.ask(OPCODE.MKDIR, ROOT_NODE, [{ u32: 0 }, { u32: 0 }, "a"]).error, EROFS);
  assert.equal(share.ask(OPCODE.SETATTR, file, [new Uint8Array(88)]).error, EROFS);
  assert.equal(share.ask(OPCODE.REMOVEXATTR, file, ["user.a"]).error, EROFS);
  assert.equal(share.open(file, 0).error, 0);
});

Deno.test("extended attributes pass, and ACLs only when asked for", () => {
  using share = new Share();
  Deno.writeTextFileSync(`${share.path}/file`, "");
  const file = share.lookup(ROOT_NODE, "file");
  const value = new TextEncoder().encode("value");
  const set = (name: string) =>
    share.ask(OPCODE.SETXATTR, file, [
      { u32: value.length },
      { u32: 0 },
      { u32: 0 },
      { u32: 0 },
      name,
      value,
    ]).error;
  const stored = set("user.name");
  assert.ok(stored === 0 || stored === -95);
  if (stored === 0) {
    const got = share.ask(OPCODE.GETXATTR, file, [{ u32: 100 }, { u32: 0 }, "user.name"]);
    assert.deepEqual(got.bytes, value);
    const length = share.ask(OPCODE.GETXATTR, file, [{ u32: 0 }, { u32: 0 }, "user.name"]);
    assert.equal(length.body.getUint32(0, true), 5);
  }
  assert.equal(set("system.posix_acl_access"), -95);
});

Deno.test(
  "a file that is unlinked while it is open is read and written on",
  { ignore: !IS_ROOT },
  () => {
    using share = new Share();
    const parts: Part[] = [{ u32: 2 }, { u32: 0o600 }, { u32: 0 }, { u32: 0 }, "file"];
    const created = share.ask(OPCODE.CREATE, ROOT_NODE, parts);
    const node = handleOf(created);
    const handle = handleOf(created, SIZE.ENTRY_OUT);
    assert.equal(share.ask(OPCODE.UNLINK, ROOT_NODE, ["file"]).error, 0);
    const data = new TextEncoder().encode("still there");
    const write = share.ask(OPCODE.WRITE, node, [
      { u64: handle },
      { u64: 0 },
      { u32: data.length },
      new Uint8Array(20),
      data,
    ]);
    assert.equal(write.error, 0);
    assert.deepEqual(share.ask(OPCODE.READ, node, readParts(handle, 0, 100)).bytes, data);
    assert.equal(share.ask(OPCODE.GETATTR, node, [new Uint8Array(16)]).error, 0);
  },
);

Deno.test("ids are translated: shown, made, changed, and refused", { ignore: !IS_ROOT }, () => {
  using share = new Share({
    uidRules: ["map:1000:501000:10", "forbid-guest:2000:1"],
    gidRules: ["map:100:500100:10"],
  });
  const create = ["file"];
  const parts: Part[] = [{ u32: 2 }, { u32: 0o600 }, { u32: 0 }, { u32: 0 }, ...create];
  const made = share.ask(OPCODE.CREATE, ROOT_NODE, parts);
  assert.equal(made.error, 0);
  const { uid, gid } = Deno.statSync(`${share.path}/file`);
  assert.deepEqual([uid, gid], [501000, 500100]);
  // `struct fuse_attr` begins at 40 in the entry; uid is at 68 in it, gid at 72.
  assert.deepEqual([made.body.getUint32(108, true), made.body.getUint32(112, true)], [1000, 100]);
  const change = (id: number): number => {
    const bytes = new Uint8Array(88);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 2, true);
    view.setUint32(76, id, true);
    return share.ask(OPCODE.SETATTR, handleOf(made), [bytes]).error;
  };
  assert.equal(change(2000), -1);
  assert.equal(change(1005), 0);
  assert.equal(Deno.statSync(`${share.path}/file`).uid, 501005);
});
