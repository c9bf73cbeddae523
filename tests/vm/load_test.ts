/** The daemon under load without a machine: descriptors and memory stay, front-ends come and go. @module */

import assert from "node:assert/strict";

import { OPCODE, SIZE } from "../../ffi/fuse/abi.ts";
import { connectTo } from "../../ffi/libc/socket.ts";
import { TestFrontEnd } from "../../vhost/testing/front_end.ts";
import { TestGuest } from "../../vhost/testing/guest.ts";
import { Driver } from "../bench/vhost/driver.ts";
import { Scratch } from "../harness/scratch.ts";
import { printedSeed, Random } from "../harness/seed.ts";
import { Daemon } from "./daemon.ts";

const OUTSTANDING = 64;
const FILES = 50;
const FRONT_ENDS = 12;
const ROUND_REQUESTS = 3000;
/** What the runtime may move about. */
const MEMORY_SLACK_MIB = 24;

function descriptorsOf(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

function residentMib(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024;
}

/** Looks names up, which are forgotten only by the front-end's leaving. */
function work(socket: string): void {
  const frontEnd = new TestFrontEnd(connectTo(socket), () => {}, 32 << 20);
  frontEnd.start(2, 256);
  new TestGuest(frontEnd).connect();
  const driver = new Driver(frontEnd, OUTSTANDING, 8192);
  driver.run({
    opcode: OPCODE.LOOKUP,
    node: 1,
    count: ROUND_REQUESTS,
    depth: OUTSTANDING,
    room: 256,
    fill: (_view, bytes, index) => {
      const name = new TextEncoder().encode(`file-${index % FILES}\0`);
      bytes.set(name, SIZE.IN_HEADER);
      return name.length;
    },
  });
  driver.run({
    opcode: OPCODE.OPENDIR,
    node: 1,
    count: 100,
    depth: OUTSTANDING,
    room: 16,
    fill: (_view, bytes) => {
      bytes.fill(0, SIZE.IN_HEADER, SIZE.IN_HEADER + 8);
      return 8;
    },
  });
  frontEnd.close();
}

async function settled(daemon: Daemon, descriptors: number): Promise<void> {
  for (let time = 0; time < 100 && descriptorsOf(daemon.pid) > descriptors; time++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function startDaemon(scratch: Scratch): Promise<Daemon> {
  const share = scratch.makeFolder("share");
  for (let index = 0; index < FILES; index++) {
    Deno.writeTextFileSync(`${share}/file-${index}`, "text");
  }
  const sandbox = Deno.uid() === 0 ? "namespace" : "none";
  return await Daemon.start(scratch.path("socket"), [
    ...["--shared-dir", share, "--sandbox", sandbox, "--reconnect"],
  ]);
}

Deno.test("64 requests under way, front-ends that come and go: no descriptor stays, nor memory", async () => {
  using scratch = new Scratch("vhost-load");
  await using daemon = await startDaemon(scratch);
  for (let index = 0; index < 4; index++) work(daemon.socket);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = descriptorsOf(daemon.pid);
  const warm = residentMib(daemon.pid);
  for (let index = 0; index < FRONT_ENDS; index++) work(daemon.socket);
  await settled(daemon, before);
  assert.equal(descriptorsOf(daemon.pid), before);
  const grown = residentMib(daemon.pid) - warm;
  assert.ok(grown < MEMORY_SLACK_MIB, `${grown.toFixed(1)} MiB more`);
  const { code, log } = await daemon.stop();
  assert.equal(code, 0, log);
});

Deno.test("requests of random bytes end neither the daemon nor the session", async () => {
  using scratch = new Scratch("vhost-random");
  const seed = printedSeed("requests of random bytes");
  const source = new Random(seed);
  const random = (bound: number) => source.below(bound);
  await using daemon = await startDaemon(scratch);
  const frontEnd = new TestFrontEnd(connectTo(daemon.socket), () => {});
  frontEnd.start(2, 256);
  const guest = new TestGuest(frontEnd);
  guest.connect();
  for (let time = 0; time < 3000; time++) {
    const bytes = Uint8Array.from({ length: 40 + random(160) }, () => random(256));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, random(8) === 0 ? random(300) : bytes.length, true);
    const opcode = random(56);
    view.setUint32(4, opcode === OPCODE.DESTROY || opcode === OPCODE.INIT ? 3 : opcode, true);
    if (random(2) === 0) view.setBigUint64(16, BigInt(1 + random(3)), true);
    view.setUint16(36, 0, true);
    guest.exchange(bytes, random(4) === 0 ? random(64) : 4096);
  }
  const reply = guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)]);
  assert.equal(reply.error, 0, `seed ${seed}`);
  frontEnd.close();
  const { code, log } = await daemon.stop();
  assert.equal(code, 0, `seed ${seed}: ${log}`);
});
