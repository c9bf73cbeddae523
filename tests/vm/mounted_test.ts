/** A mounted image that a machine works in, too: each sees at once what the other did. @module */

import assert from "node:assert/strict";

import { OPCODE, SIZE } from "../../ffi/fuse/abi.ts";
import { connectTo } from "../../ffi/libc/socket.ts";
import { TestFrontEnd } from "../../vhost/testing/front_end.ts";
import { TestGuest } from "../../vhost/testing/guest.ts";
import { run } from "../../tools/process.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { logOf, mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { fuse, programs, testWith } from "../harness/skip.ts";

const ROUNDS = 100;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function nodeOf(guest: TestGuest, parent: number, name: string): number {
  const reply = guest.ask(OPCODE.LOOKUP, parent, [name]);
  assert.equal(reply.error, 0, name);
  return Number(reply.body.getBigUint64(0, true));
}

function create(guest: TestGuest, name: string): { node: number; handle: number } {
  const parts = [{ u32: 2 }, { u32: 0o100644 }, { u32: 0 }, { u32: 0 }, name];
  const reply = guest.ask(OPCODE.CREATE, 1, parts);
  assert.equal(reply.error, 0, name);
  const at = (offset: number) => Number(reply.body.getBigUint64(offset, true));
  return { node: at(0), handle: at(SIZE.ENTRY_OUT) };
}

function write(guest: TestGuest, file: { node: number; handle: number }, text: string): void {
  const bytes = encoder.encode(text);
  const head = [{ u64: file.handle }, { u64: 0 }, { u32: bytes.length }, new Uint8Array(20)];
  assert.equal(guest.ask(OPCODE.WRITE, file.node, [...head, bytes]).error, 0);
}

function read(guest: TestGuest, file: { node: number; handle: number }): string {
  const parts = [{ u64: file.handle }, { u64: 0 }, { u32: 4096 }, new Uint8Array(20)];
  return decoder.decode(guest.ask(OPCODE.READ, file.node, parts).bytes);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function bothWork(guest: TestGuest, folder: string): void {
  assert.equal(exists(`${folder}/file`), false);
  const file = create(guest, "file");
  assert.equal(exists(`${folder}/file`), true);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "file",
    "lost+found",
  ]);
  for (let round = 0; round < ROUNDS; round++) {
    const text = `round ${String(round).padStart(4, "0")} ${"x".repeat(round)}`;
    write(guest, file, text);
    assert.equal(Deno.readTextFileSync(`${folder}/file`), text);
    assert.equal(Deno.statSync(`${folder}/file`).size, text.length);
    const answer = `answer ${round} ${"y".repeat(round + 20)}`;
    Deno.writeTextFileSync(`${folder}/file`, answer);
    assert.equal(read(guest, file), answer);
    assert.equal(guest.ask(OPCODE.RENAME, 1, [{ u64: 1 }, "file\0other"]).error, 0);
    assert.deepEqual([exists(`${folder}/file`), exists(`${folder}/other`)], [false, true]);
    Deno.renameSync(`${folder}/other`, `${folder}/file`);
    assert.equal(nodeOf(guest, 1, "file"), file.node);
    Deno.truncateSync(`${folder}/file`);
  }
  assert.equal(guest.ask(OPCODE.UNLINK, 1, ["file"]).error, 0);
  assert.equal(exists(`${folder}/file`), false);
  Deno.writeTextFileSync(`${folder}/last`, "of the host");
}

testWith({
  name: "a mount and a machine in one image see each other's changes at once",
  needs: [fuse, programs("mke2fs", "e2fsck")],
  fn: () => {
    using scratch = new Scratch("vhost-mount");
    const image = scratch.path("image");
    assert.equal(run("mke2fs", ["-q", "-t", "ext4", image, "64M"]).code, 0);
    const socket = scratch.path("socket");
    using mounted = mount("kfs", image, scratch.path("mnt"), {
      options: [`vhost-user=${socket}`],
    });
    const frontEnd = new TestFrontEnd(connectTo(socket), () => {});
    frontEnd.start();
    const guest = new TestGuest(frontEnd);
    assert.equal(guest.connect().error, 0);
    bothWork(guest, mounted.mountpoint);
    frontEnd.close();
    const again = new TestFrontEnd(connectTo(socket), () => {});
    again.start();
    const other = new TestGuest(again);
    other.connect();
    nodeOf(other, 1, "last");
    mounted.unmount();
    assert.equal(again.isClosed(), true);
    again.close();
    assert.match(logOf(image), /front-end 1: the front-end has left/);
    mustBeClean(image);
    assert.equal(exists(socket), false);
  },
});
