import assert from "node:assert/strict";

import { OPCODE, SIZE } from "../ffi/fuse/abi.ts";
import { MemoryFileSystem } from "../ffi/fuse/testing/memory_file_system.ts";
import { buildRequest } from "../ffi/fuse/testing/request_builder.ts";
import { FEATURE, PROTOCOL_FEATURE, REQUEST } from "./abi.ts";
import { Payload, u64Payload, vringStatePayload } from "./payload.ts";
import { openDescriptors, TestBackEnd } from "./testing/back_end.ts";
import { TestGuest } from "./testing/guest.ts";
import type { TestFrontEnd } from "./testing/front_end.ts";

const text = new TextEncoder();

function guestOf(frontEnd: TestFrontEnd): TestGuest {
  const guest = new TestGuest(frontEnd);
  assert.equal(guest.connect().error, 0);
  return guest;
}

function createFile(guest: TestGuest, name: string): { node: number; handle: number } {
  const parts = [{ u32: 2 }, { u32: 0o100644 }, { u32: 0o22 }, { u32: 0 }, name];
  const reply = guest.ask(OPCODE.CREATE, 1, parts);
  assert.equal(reply.error, 0);
  return {
    node: Number(reply.body.getBigUint64(0, true)),
    handle: Number(reply.body.getBigUint64(SIZE.ENTRY_OUT, true)),
  };
}

function writeParts(handle: number, offset: number, data: Uint8Array) {
  return [
    { u64: handle },
    { u64: offset },
    { u32: data.length },
    { u32: 0 },
    { u64: 0 },
    { u32: 0 },
    { u32: 0 },
    data,
  ];
}

function readParts(handle: number, offset: number, size: number) {
  return [{ u64: handle }, { u64: offset }, { u32: size }, new Uint8Array(20)];
}

Deno.test("requests and replies travel however the guest cuts its buffers", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start();
  const guest = guestOf(frontEnd);
  const { node, handle } = createFile(guest, "file");
  const data = Uint8Array.from({ length: 20_000 }, (_, index) => index * 7);
  const cuts = [
    {},
    { request: [40, 40], reply: [16] },
    { request: [1, 3, 50, 1000, 4096], reply: [5, 4, 4096, 1] },
    { request: [40, 40, ...Array(250).fill(64)], reply: [16], indirect: true },
  ];
  for (const cut of cuts) {
    const written = guest.ask(OPCODE.WRITE, node, writeParts(handle, 0, data), 8, cut);
    assert.equal(written.error, 0);
    assert.equal(written.body.getUint32(0, true), data.length);
    const read = guest.ask(OPCODE.READ, node, readParts(handle, 0, data.length), data.length, cut);
    assert.equal(read.error, 0);
    assert.deepEqual(read.bytes, data);
  }
});

Deno.test("an error reply has 16 bytes, FORGET none, and too little room loses no daemon", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start();
  const guest = guestOf(frontEnd);
  const missing = buildRequest(OPCODE.UNLINK, 1, ["missing"]);
  assert.equal(guest.exchange(missing, 4096), SIZE.OUT_HEADER);
  assert.equal(guest.reply(SIZE.OUT_HEADER).error, -2);
  const forget = buildRequest(OPCODE.FORGET, 1, [{ u64: 1 }]);
  assert.equal(guest.exchange(forget, 0, { queue: 0 }), 0);
  const getattr = buildRequest(OPCODE.GETATTR, 1, [new Uint8Array(16)]);
  assert.equal(guest.exchange(getattr, 20), SIZE.OUT_HEADER);
  assert.equal(guest.reply(SIZE.OUT_HEADER).error, -5);
  assert.equal(guest.exchange(getattr, 4), 0);
  assert.equal(guest.exchange(new Uint8Array(10), 64), 0);
  assert.equal(guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)]).error, 0);
});

Deno.test("rings without event indices and without indirect tables", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start(2, 64, [FEATURE.VERSION_1, FEATURE.PROTOCOL_FEATURES]);
  const guest = guestOf(frontEnd);
  for (let time = 0; time < 200; time++) {
    assert.equal(guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)]).error, 0);
  }
});

Deno.test("the available index wraps, and the device asks for a kick only when it sleeps", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start(2, 8);
  const guest = guestOf(frontEnd);
  frontEnd.ask(REQUEST.GET_VRING_BASE, vringStatePayload(1, 0));
  const ring = frontEnd.rings[1];
  assert.ok(ring !== undefined);
  ring.available = 65_530;
  frontEnd.resumeQueue(1, 65_530);
  for (let time = 0; time < 20; time++) {
    assert.equal(guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)]).error, 0);
    backEnd.loop.turn(0);
    assert.equal(ring.kickAfter, ring.available);
  }
  assert.equal(ring.available, (65_530 + 20) & 0xffff);
});

Deno.test("GET_VRING_BASE stops a queue and answers the next available index", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start();
  const guest = guestOf(frontEnd);
  assert.equal(guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)]).error, 0);
  const reply = new Payload(frontEnd.ask(REQUEST.GET_VRING_BASE, vringStatePayload(1, 0)));
  assert.deepEqual([reply.u32(0), reply.u32(4)], [1, 2]);
  guest.post(buildRequest(OPCODE.GETATTR, 1, [new Uint8Array(16)]), 4096);
  frontEnd.kick(1);
  for (let turn = 0; turn < 5; turn++) backEnd.loop.turn(1);
  assert.equal(frontEnd.rings[1]?.reap(), undefined);
  frontEnd.resumeQueue(1, 2);
  frontEnd.kick(1);
  assert.equal(frontEnd.finished(1).length, SIZE.OUT_HEADER + SIZE.ATTR_OUT);
});

Deno.test("GET_VRING_BASE waits for answers that are outstanding", () => {
  const files = new MemoryFileSystem();
  files.deferredSyncs = [];
  using backEnd = new TestBackEnd(() => files);
  const { frontEnd } = backEnd.connect();
  frontEnd.start();
  const guest = guestOf(frontEnd);
  const { node, handle } = createFile(guest, "file");
  guest.post(
    buildRequest(OPCODE.FSYNC, node, [{ u64: handle }, { u32: 0 }, { u32: 0 }]),
    SIZE.OUT_HEADER,
  );
  frontEnd.kick(1);
  const reply = new Payload(frontEnd.ask(REQUEST.GET_VRING_BASE, vringStatePayload(1, 0)));
  assert.equal(frontEnd.rings[1]?.reap()?.length, SIZE.OUT_HEADER);
  assert.equal(reply.u32(4), 3);
});

Deno.test("a queue runs only when it is enabled and has a kick descriptor", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start();
  const guest = guestOf(frontEnd);
  frontEnd.send(REQUEST.SET_VRING_ENABLE, vringStatePayload(1, 0));
  backEnd.loop.turn(5);
  guest.post(buildRequest(OPCODE.GETATTR, 1, [new Uint8Array(16)]), 4096);
  frontEnd.kick(1);
  for (let turn = 0; turn < 5; turn++) backEnd.loop.turn(1);
  assert.equal(frontEnd.rings[1]?.reap(), undefined);
  frontEnd.send(REQUEST.SET_VRING_ENABLE, vringStatePayload(1, 1));
  assert.equal(frontEnd.finished(1).length, SIZE.OUT_HEADER + SIZE.ATTR_OUT);
});

Deno.test("acknowledgements begin with the message after SET_PROTOCOL_FEATURES", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start(0);
  assert.equal(frontEnd.acknowledged(REQUEST.SET_OWNER), 0);
  assert.equal(frontEnd.acknowledged(REQUEST.SET_VRING_NUM, vringStatePayload(0, 256)), 0);
  assert.equal(new Payload(frontEnd.ask(REQUEST.GET_QUEUE_NUM)).u64(0), 4);
});

Deno.test("memory slots are added and removed, the configuration space is served", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  const slots = [
    PROTOCOL_FEATURE.MQ,
    PROTOCOL_FEATURE.REPLY_ACK,
    PROTOCOL_FEATURE.CONFIGURE_MEM_SLOTS,
    PROTOCOL_FEATURE.CONFIG,
    PROTOCOL_FEATURE.STATUS,
    PROTOCOL_FEATURE.RESET_DEVICE,
  ];
  frontEnd.start(2, 128, Object.values(FEATURE), slots);
  const guest = guestOf(frontEnd);
  const one = frontEnd.regionPayload();
  one.fill(0, 0, 8);
  assert.equal(frontEnd.acknowledged(REQUEST.REM_MEM_REG, one), 0);
  assert.equal(frontEnd.acknowledged(REQUEST.REM_MEM_REG, one), 1);
  assert.equal(frontEnd.acknowledged(REQUEST.ADD_MEM_REG, one, [frontEnd.file]), 0);
  assert.equal(new Payload(frontEnd.ask(REQUEST.GET_MAX_MEM_SLOTS)).u64(0), 509);
  assert.equal(guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)]).error, 0);
  const asked = new Uint8Array(12 + 44);
  new DataView(asked.buffer).setUint32(4, 44, true);
  const config = frontEnd.ask(REQUEST.GET_CONFIG, asked).subarray(12);
  assert.equal(new TextDecoder().decode(config.subarray(0, 5)), "test\0");
  assert.equal(new Payload(config).u32(36), 1);
  frontEnd.send(REQUEST.SET_STATUS, u64Payload(15));
  assert.equal(new Payload(frontEnd.ask(REQUEST.GET_STATUS)).u64(0), 15);
  assert.equal(frontEnd.acknowledged(REQUEST.RESET_DEVICE), 0);
});

Deno.test("several front-ends have memory and sessions of their own; nothing is left of them", () => {
  const before = openDescriptors();
  {
    using backEnd = new TestBackEnd(() => new MemoryFileSystem());
    const guests = [0, 1, 2].map(() => {
      const { frontEnd } = backEnd.connect();
      frontEnd.start(3);
      return guestOf(frontEnd);
    });
    guests.forEach((guest, index) => {
      const { node, handle } = createFile(guest, "file");
      const data = text.encode(`guest ${index}`);
      guest.ask(OPCODE.WRITE, node, writeParts(handle, 0, data), 8, { queue: 2 });
      const read = guest.ask(OPCODE.READ, node, readParts(handle, 0, 100), 100, { queue: 1 });
      assert.deepEqual(read.bytes, data);
    });
  }
  assert.equal(openDescriptors(), before);
});
