import assert from "node:assert/strict";

import { OPCODE } from "../ffi/fuse/abi.ts";
import { MemoryFileSystem } from "../ffi/fuse/testing/memory_file_system.ts";
import { buildRequest } from "../ffi/fuse/testing/request_builder.ts";
import { FEATURE, FEATURE_PACKED, REQUEST } from "./abi.ts";
import { Payload, vringStatePayload } from "./payload.ts";
import { TestBackEnd } from "./testing/back_end.ts";
import type { TestFrontEnd } from "./testing/front_end.ts";
import { TestGuest } from "./testing/guest.ts";
import { PACKED_BASE, PackedTestRing } from "./testing/packed_ring.ts";

const QUEUE_SIZE = 16;
const GETATTR = buildRequest(OPCODE.GETATTR, 1, [new Uint8Array(16)]);
const ROOM = 120;
const WITHOUT_EVENTS = Object.values(FEATURE).filter((bit) => bit !== FEATURE.EVENT_IDX);

function connect(backEnd: TestBackEnd, features: readonly number[]): TestFrontEnd {
  const { frontEnd } = backEnd.connect();
  frontEnd.ringKind = PackedTestRing;
  frontEnd.firstBase = PACKED_BASE;
  frontEnd.start(2, QUEUE_SIZE, [...features, FEATURE_PACKED]);
  return frontEnd;
}

for (
  const [title, features] of [["event index", Object.values(FEATURE)], [
    "flags",
    WITHOUT_EVENTS,
  ]] as const
) {
  Deno.test(`a packed queue goes round and round (${title})`, () => {
    using backEnd = new TestBackEnd(() => new MemoryFileSystem());
    const frontEnd = connect(backEnd, features);
    const guest = new TestGuest(frontEnd);
    assert.equal(guest.connect().error, 0);
    for (let time = 0; time < 10 * QUEUE_SIZE; time++) {
      const cut = { request: [40], reply: [16], indirect: time % 3 === 0 };
      assert.equal(guest.ask(OPCODE.GETATTR, 1, [new Uint8Array(16)], 200, cut).error, 0);
    }
    for (let round = 0; round < 20; round++) {
      const ids = Array.from({ length: 5 }, () => guest.post(GETATTR, ROOM, { request: [40] }));
      frontEnd.kick(1);
      assert.deepEqual(ids.map(() => frontEnd.finished(1).head), ids);
    }
  });
}

Deno.test("a packed queue that was stopped goes on where it was", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const frontEnd = connect(backEnd, Object.values(FEATURE));
  const guest = new TestGuest(frontEnd);
  guest.connect();
  for (let round = 0; round < 7; round++) {
    const reply = frontEnd.ask(REQUEST.GET_VRING_BASE, vringStatePayload(1, 0));
    const base = new Payload(reply).u32(4);
    const ring = frontEnd.rings[1];
    assert.equal(base, ring instanceof PackedTestRing ? ring.state : -1);
    guest.post(GETATTR, ROOM);
    frontEnd.resumeQueue(1, base);
    frontEnd.kick(1);
    assert.ok(frontEnd.finished(1).length > 16);
  }
});

/** What a hostile driver may write; each stops the queue. */
const HOSTILE: Readonly<Record<string, (frontEnd: TestFrontEnd, table: DataView) => void>> = {
  "every descriptor has a successor": (_frontEnd, table) => {
    for (let at = 0; at < QUEUE_SIZE * 16; at += 16) table.setUint16(at + 14, 1 | 1 << 7, true);
  },
  "an address outside memory": (_frontEnd, table) => {
    table.setUint32(4, 0xffff_ffff, true);
    table.setUint32(8, 64, true);
    table.setUint16(14, 1 << 7, true);
  },
  "an indirect table of 17 bytes": (_frontEnd, table) => {
    table.setUint32(8, 17, true);
    table.setUint16(14, 4 | 1 << 7, true);
  },
};

for (const [title, spoil] of Object.entries(HOSTILE)) {
  Deno.test(`a packed queue is stopped: ${title}`, () => {
    using backEnd = new TestBackEnd(() => new MemoryFileSystem());
    const frontEnd = connect(backEnd, Object.values(FEATURE));
    const bytes = frontEnd.bytes(frontEnd.rings[1]?.descriptorsAt ?? 0, QUEUE_SIZE * 16);
    spoil(frontEnd, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    frontEnd.kick(1);
    for (let turn = 0; turn < 20; turn++) frontEnd.pump();
    assert.ok(backEnd.log.some((line) => line.includes("queue 1 is stopped")), title);
    frontEnd.ask(REQUEST.GET_FEATURES);
  });
}
