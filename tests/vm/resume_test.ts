/** A daemon that is killed with requests under way: the next one takes them up. @module */

import assert from "node:assert/strict";

import { OPCODE } from "../../ffi/fuse/abi.ts";
import { buildRequest } from "../../ffi/fuse/testing/request_builder.ts";
import { close } from "../../ffi/libc/file.ts";
import { connectTo } from "../../ffi/libc/socket.ts";
import { FEATURE, PROTOCOL_FEATURE, REQUEST } from "../../vhost/abi.ts";
import { Inflight } from "../../vhost/inflight.ts";
import { Payload } from "../../vhost/payload.ts";
import { TestFrontEnd } from "../../vhost/testing/front_end.ts";
import { TestGuest } from "../../vhost/testing/guest.ts";
import { Scratch } from "../harness/scratch.ts";
import { Daemon } from "./daemon.ts";

const QUEUES = 2;
const QUEUE_SIZE = 128;
const UNDER_WAY = 60;
const ROUNDS = 3;
const ESTALE = -116;
const PROTOCOL = [
  PROTOCOL_FEATURE.MQ,
  PROTOCOL_FEATURE.REPLY_ACK,
  PROTOCOL_FEATURE.INFLIGHT_SHMFD,
];
const GETATTR = buildRequest(OPCODE.GETATTR, 1, [new Uint8Array(16)]);

function sizes(): Uint8Array {
  const payload = new Uint8Array(24);
  new DataView(payload.buffer).setUint16(16, QUEUES, true);
  new DataView(payload.buffer).setUint16(18, QUEUE_SIZE, true);
  return payload;
}

/** A front-end whose daemon tracks what is in flight in memory that it keeps. */
class Tracked implements Disposable {
  readonly frontEnd: TestFrontEnd;
  readonly guest: TestGuest;
  readonly #memory: number;
  readonly #description: Uint8Array;

  constructor(daemon: Daemon) {
    const frontEnd = new TestFrontEnd(connectTo(daemon.socket), () => {});
    this.frontEnd = frontEnd;
    frontEnd.start(0, QUEUE_SIZE, Object.values(FEATURE), PROTOCOL);
    frontEnd.received = [];
    this.#description = frontEnd.ask(REQUEST.GET_INFLIGHT_FD, sizes());
    this.#memory = frontEnd.received[0] ?? -1;
    frontEnd.received = undefined;
    this.#giveMemory();
    for (let index = 0; index < QUEUES; index++) frontEnd.startQueue(index, QUEUE_SIZE, true);
    this.guest = new TestGuest(frontEnd);
    assert.equal(this.guest.connect().error, 0);
  }

  #giveMemory(): void {
    const { frontEnd } = this;
    const answer = frontEnd.acknowledged(REQUEST.SET_INFLIGHT_FD, this.#description, [
      this.#memory,
    ]);
    assert.equal(answer, 0);
  }

  reconnect(daemon: Daemon): void {
    this.frontEnd.reconnect(connectTo(daemon.socket), PROTOCOL, () => this.#giveMemory());
  }

  /** What a daemon would have written that took a chain of queue 1. */
  markTaken(head: number): void {
    const payload = new Payload(this.#description);
    const memory = new Inflight(this.#memory, payload.u64(0), payload.u64(8), QUEUES, QUEUE_SIZE);
    memory.queue(1, QUEUE_SIZE)?.take(head);
    memory.close();
  }

  [Symbol.dispose](): void {
    this.frontEnd.close();
    close(this.#memory);
  }
}

async function start(scratch: Scratch, share: string): Promise<Daemon> {
  for (const name of ["socket", "socket.pid"]) {
    try {
      Deno.removeSync(scratch.path(name));
    } catch {
      // The first daemon finds nothing there.
    }
  }
  const sandbox = Deno.uid() === 0 ? "namespace" : "none";
  return await Daemon.start(scratch.path("socket"), ["--shared-dir", share, "--sandbox", sandbox]);
}

async function kill(daemon: Daemon): Promise<void> {
  Deno.kill(daemon.pid, "SIGKILL");
  await daemon.ended();
}

Deno.test("each request is answered once, whenever the daemon is killed", async () => {
  using scratch = new Scratch("vhost-resume");
  const share = scratch.makeFolder("share");
  let daemon = await start(scratch, share);
  using tracked = new Tracked(daemon);
  const { frontEnd, guest } = tracked;
  for (let round = 0; round < ROUNDS; round++) {
    const heads = Array.from({ length: UNDER_WAY }, () => guest.post(GETATTR, 120));
    frontEnd.kick(1);
    const seen = Array.from({ length: round * 20 + 1 }, () => frontEnd.finished(1).head);
    await kill(daemon);
    daemon = await start(scratch, share);
    tracked.reconnect(daemon);
    while (seen.length < UNDER_WAY) seen.push(frontEnd.finished(1).head);
    assert.deepEqual(seen.toSorted((a, b) => a - b), heads.toSorted((a, b) => a - b));
  }
  frontEnd.send(REQUEST.GET_FEATURES);
  await daemon.stop();
});

Deno.test("a chain that was taken and not given back is taken up; the session goes on", async () => {
  using scratch = new Scratch("vhost-resume");
  const share = scratch.makeFolder("share");
  Deno.writeTextFileSync(`${share}/one`, "");
  Deno.writeTextFileSync(`${share}/two`, "");
  let daemon = await start(scratch, share);
  using tracked = new Tracked(daemon);
  const { frontEnd, guest } = tracked;
  const lookup = (name: string) =>
    Number(guest.ask(OPCODE.LOOKUP, 1, [name]).body.getBigUint64(0, true));
  const before = lookup("one");
  Deno.kill(daemon.pid, "SIGSTOP");
  const heads = [guest.post(GETATTR, 120), guest.post(GETATTR, 120)];
  tracked.markTaken(heads[0] ?? 0);
  await kill(daemon);
  daemon = await start(scratch, share);
  tracked.reconnect(daemon);
  assert.deepEqual([frontEnd.finished(1).head, frontEnd.finished(1).head], heads);
  assert.equal(guest.ask(OPCODE.GETATTR, before, [new Uint8Array(16)]).error, ESTALE);
  const after = lookup("two");
  assert.ok(after > before + 1000, `${after} might be a node of before`);
  assert.equal(guest.ask(OPCODE.GETATTR, after, [new Uint8Array(16)]).error, 0);
  const { log } = await daemon.stop();
  assert.match(log, /queue 1: 1 requests are taken up again/);
  assert.match(log, /the guest's session is taken up/);
});
