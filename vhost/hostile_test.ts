import assert from "node:assert/strict";

import { OPCODE } from "../ffi/fuse/abi.ts";
import { MemoryFileSystem } from "../ffi/fuse/testing/memory_file_system.ts";
import { buildRequest } from "../ffi/fuse/testing/request_builder.ts";
import { makeEvent } from "../ffi/libc/event.ts";
import { close } from "../ffi/libc/file.ts";
import { makeMemoryFile, send } from "../ffi/libc/socket.ts";
import {
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WRITE,
  FLAG_REPLY,
  REQUEST,
  VERSION,
} from "./abi.ts";
import { bitsPayload, u64Payload, vringStatePayload } from "./payload.ts";
import { openDescriptors, TestBackEnd } from "./testing/back_end.ts";
import { GUEST_BASE, type TestFrontEnd } from "./testing/front_end.ts";
import { TestGuest } from "./testing/guest.ts";
import type { TestRing } from "./testing/ring.ts";

const GETATTR = buildRequest(OPCODE.GETATTR, 1, [new Uint8Array(16)]);

/** Messages after which the connection must be closed. */
const BAD_MESSAGES: Readonly<Record<string, (frontEnd: TestFrontEnd) => void>> = {
  "an unknown message": (f) => f.send(99),
  "message 0": (f) => f.send(0),
  "another version": (f) => f.send(REQUEST.GET_FEATURES, undefined, [], 2),
  "a reply": (f) => f.send(REQUEST.GET_FEATURES, undefined, [], VERSION | FLAG_REPLY),
  "unknown flags": (f) => f.send(REQUEST.GET_FEATURES, undefined, [], VERSION | 1 << 20),
  "a payload where none is": (f) => f.send(REQUEST.SET_OWNER, new Uint8Array(8)),
  "no payload where one is": (f) => f.send(REQUEST.SET_FEATURES),
  "too long a payload": (f) => f.send(REQUEST.SET_VRING_NUM, new Uint8Array(12)),
  "a huge size": (f) => {
    const header = new Uint8Array(12);
    new DataView(header.buffer).setUint32(0, REQUEST.SET_FEATURES, true);
    header[4] = VERSION;
    header.fill(0xff, 8);
    send(f.socket, header);
  },
  "features that were not offered": (f) =>
    f.send(REQUEST.SET_FEATURES, bitsPayload({ low: 0xffff_ffff, high: 0xffff_ffff })),
  "protocol features that were not offered": (f) =>
    f.send(REQUEST.SET_PROTOCOL_FEATURES, bitsPayload({ low: 0xffff_ffff, high: 0 })),
  "a queue that is not there": (f) => f.send(REQUEST.SET_VRING_NUM, vringStatePayload(200, 64)),
  "a queue of 0": (f) => f.send(REQUEST.SET_VRING_NUM, vringStatePayload(0, 0)),
  "a queue of 100": (f) => f.send(REQUEST.SET_VRING_NUM, vringStatePayload(0, 100)),
  "a queue of 65536": (f) => f.send(REQUEST.SET_VRING_NUM, vringStatePayload(0, 65536)),
  "a base beyond 16 bits": (f) => f.send(REQUEST.SET_VRING_BASE, vringStatePayload(0, 70_000)),
  "a kick without descriptor": (f) => f.send(REQUEST.SET_VRING_KICK, u64Payload(0)),
  "a kick with one too many": (f) => f.send(REQUEST.SET_VRING_KICK, u64Payload(0x100), [f.file]),
  "two kick descriptors": (f) => f.send(REQUEST.SET_VRING_KICK, u64Payload(0), [f.file, f.file]),
  "descriptors where none belong": (f) => f.send(REQUEST.GET_FEATURES, undefined, [f.file]),
  "many descriptors": (f) => {
    f.send(REQUEST.GET_FEATURES, undefined, Array(200).fill(f.file));
  },
  "enabling with 2": (f) => f.send(REQUEST.SET_VRING_ENABLE, vringStatePayload(0, 2)),
  "a table with a wrong count": (f) => {
    const payload = f.regionPayload();
    payload[0] = 2;
    f.send(REQUEST.SET_MEM_TABLE, payload, [f.file, f.file]);
  },
  "a table without descriptors": (f) => f.send(REQUEST.SET_MEM_TABLE, f.regionPayload()),
  "a region of 0 bytes": (f) => {
    const payload = f.regionPayload();
    payload.fill(0, 16, 24);
    f.send(REQUEST.SET_MEM_TABLE, payload, [f.file]);
  },
  "a region beyond its file": (f) => {
    const payload = f.regionPayload();
    payload.set(u64Payload(f.memoryBytes + 1), 16);
    f.send(REQUEST.SET_MEM_TABLE, payload, [f.file]);
  },
  "a region at the end of all addresses": (f) => {
    const payload = f.regionPayload();
    payload.fill(0xff, 8, 16);
    f.send(REQUEST.SET_MEM_TABLE, payload, [f.file]);
  },
  "overlapping regions": (f) => {
    const one = f.regionPayload();
    const payload = new Uint8Array(72);
    payload.set(one);
    payload.set(one.subarray(8), 40);
    payload[0] = 2;
    f.send(REQUEST.SET_MEM_TABLE, payload, [f.file, f.file]);
  },
  "slots that were not agreed on": (f) => {
    const payload = f.regionPayload();
    f.send(REQUEST.ADD_MEM_REG, payload, [f.file]);
  },
  "logging": (f) => {
    const payload = f.addressPayload(1);
    payload[4] = 1;
    f.send(REQUEST.SET_VRING_ADDR, payload);
  },
};

for (const [name, act] of Object.entries(BAD_MESSAGES)) {
  Deno.test(`closes the connection after ${name}`, () => {
    const before = openDescriptors();
    {
      using backEnd = new TestBackEnd(() => new MemoryFileSystem());
      const { frontEnd } = backEnd.connect();
      frontEnd.start();
      act(frontEnd);
      assert.ok(frontEnd.isClosed());
      assert.equal(backEnd.ended, 1);
      assert.ok(backEnd.log.length >= 1);
      const again = backEnd.connect().frontEnd;
      again.start();
      assert.equal(new TestGuest(again).connect().error, 0);
    }
    assert.equal(openDescriptors(), before);
  });
}

Deno.test("half a message and then the end leave nothing open", () => {
  const before = openDescriptors();
  {
    using backEnd = new TestBackEnd(() => new MemoryFileSystem());
    const { frontEnd } = backEnd.connect();
    send(frontEnd.socket, Uint8Array.of(5, 0, 0, 0, 1), [frontEnd.file]);
    backEnd.loop.turn(5);
  }
  assert.equal(openDescriptors(), before);
});

Deno.test("messages byte by byte", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  for (const byte of [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]) {
    send(frontEnd.socket, Uint8Array.of(byte));
    backEnd.loop.turn(0);
  }
  assert.equal(frontEnd.receive()?.payload.length, 8);
});

/** Things in a ring after which its queue must be stopped, and nothing else. */
const BAD_RINGS: Readonly<Record<string, (ring: TestRing, guest: TestGuest) => void>> = {
  "an available index too far ahead": (ring) => {
    ring.available = ring.available + ring.size + 1;
  },
  "a head outside the table": (ring) => ring.offer(ring.size),
  "a chain that loops": (ring) => {
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE, 16, DESCRIPTOR_NEXT, 1);
    ring.describe(ring.descriptorsAt, 1, GUEST_BASE, 16, DESCRIPTOR_NEXT, 0);
    ring.offer(0);
  },
  "a successor outside the table": (ring) => {
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE, 16, DESCRIPTOR_NEXT, 5000);
    ring.offer(0);
  },
  "an address outside memory": (ring) => {
    ring.describe(ring.descriptorsAt, 0, 0x10, 16, 0, 0);
    ring.offer(0);
  },
  "an address near 2^64": (ring) => {
    ring.describe(ring.descriptorsAt, 0, 0xffff_ffff_ffff_f000, 8192, 0, 0);
    ring.offer(0);
  },
  "a length beyond memory": (ring) => {
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE, 0xffff_ffff, 0, 0);
    ring.offer(0);
  },
  "a readable descriptor behind a writable one": (ring) => {
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE, 16, DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 1);
    ring.describe(ring.descriptorsAt, 1, GUEST_BASE, 16, 0, 0);
    ring.offer(0);
  },
  "an indirect table of 24 bytes": (ring) => {
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE, 24, DESCRIPTOR_INDIRECT, 0);
    ring.offer(0);
  },
  "an empty indirect table": (ring) => {
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE, 0, DESCRIPTOR_INDIRECT, 0);
    ring.offer(0);
  },
  "an indirect table outside memory": (ring) => {
    ring.describe(ring.descriptorsAt, 0, 0x1000, 32, DESCRIPTOR_INDIRECT, 0);
    ring.offer(0);
  },
  "an indirect table in an indirect table": (ring) => {
    const at = ring.frontEnd.take(32);
    ring.describe(at, 0, GUEST_BASE + at, 32, DESCRIPTOR_INDIRECT, 0);
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE + at, 32, DESCRIPTOR_INDIRECT, 0);
    ring.offer(0);
  },
  "an indirect table that loops": (ring) => {
    const at = ring.frontEnd.take(32);
    ring.describe(at, 0, GUEST_BASE, 8, DESCRIPTOR_NEXT, 1);
    ring.describe(at, 1, GUEST_BASE, 8, DESCRIPTOR_NEXT, 0);
    ring.describe(ring.descriptorsAt, 0, GUEST_BASE + at, 32, DESCRIPTOR_INDIRECT, 0);
    ring.offer(0);
  },
  "an indirect descriptor with a successor": (ring) => {
    const at = ring.frontEnd.take(32);
    ring.describe(
      ring.descriptorsAt,
      0,
      GUEST_BASE + at,
      32,
      DESCRIPTOR_INDIRECT | DESCRIPTOR_NEXT,
      1,
    );
    ring.offer(0);
  },
};

for (const [name, act] of Object.entries(BAD_RINGS)) {
  Deno.test(`stops a queue at ${name}, and serves on`, () => {
    using backEnd = new TestBackEnd(() => new MemoryFileSystem());
    const { frontEnd } = backEnd.connect();
    frontEnd.start(3, 64);
    const guest = new TestGuest(frontEnd);
    assert.equal(guest.connect().error, 0);
    const ring = frontEnd.rings[2];
    assert.ok(ring !== undefined);
    act(ring, guest);
    frontEnd.kick(2);
    for (let turn = 0; turn < 5; turn++) backEnd.loop.turn(1);
    assert.equal(ring.reap(), undefined);
    assert.ok(backEnd.log.some((line) => line.includes("queue 2 is stopped")), backEnd.log.join());
    assert.ok(guest.exchange(GETATTR, 4096) > 16);
    frontEnd.ask(REQUEST.GET_VRING_BASE, vringStatePayload(2, 0));
    frontEnd.startQueue(2, 64, true);
    assert.ok(guest.exchange(GETATTR, 4096, { queue: 2 }) > 16);
  });
}

Deno.test("rings outside memory or not aligned stop their queue", () => {
  for (const [at, value] of [[8, 0x1234_0000], [16, 0x1234_0000], [24, 0x1234_0000]] as const) {
    using backEnd = new TestBackEnd(() => new MemoryFileSystem());
    const { frontEnd } = backEnd.connect();
    frontEnd.start();
    const payload = frontEnd.addressPayload(1);
    payload.set(u64Payload(value), at);
    frontEnd.send(REQUEST.SET_VRING_ADDR, payload);
    frontEnd.kick(1);
    for (let turn = 0; turn < 5; turn++) backEnd.loop.turn(1);
    assert.ok(backEnd.log.some((line) => line.includes("not in the memory table")));
    const unaligned = frontEnd.addressPayload(1);
    unaligned[at] = 1;
    frontEnd.send(REQUEST.SET_VRING_ADDR, unaligned);
    frontEnd.ask(REQUEST.GET_VRING_BASE, vringStatePayload(1, 0));
  }
});

Deno.test("a kick descriptor that hangs up, and a call that nobody takes", () => {
  using backEnd = new TestBackEnd(() => new MemoryFileSystem());
  const { frontEnd } = backEnd.connect();
  frontEnd.start();
  const guest = new TestGuest(frontEnd);
  const file = makeMemoryFile("no-event", 0);
  frontEnd.send(REQUEST.SET_VRING_CALL, u64Payload(1), [file]);
  close(file);
  assert.equal(guest.connect().error, 0);
  const event = makeEvent();
  frontEnd.send(REQUEST.SET_VRING_CALL, u64Payload(1), [event]);
  close(event);
  assert.ok(guest.exchange(GETATTR, 4096) > 16);
});
