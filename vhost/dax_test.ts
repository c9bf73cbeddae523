import assert from "node:assert/strict";

import { CAPABILITY, OPCODE, SIZE } from "../ffi/fuse/abi.ts";
import { buildRequest, type Part } from "../ffi/fuse/testing/request_builder.ts";
import { MAP_SHARED, O_DIRECTORY, O_PATH, PROT_READ, PROT_WRITE } from "../ffi/libc/constants.ts";
import { close, open } from "../ffi/libc/file.ts";
import { mapMemory, unmapMemory } from "../ffi/libc/memory.ts";
import { makeSocketPair, receive, send } from "../ffi/libc/socket.ts";
import {
  BACKEND_REQUEST,
  FEATURE,
  FLAG_REPLY,
  HEADER_BYTES,
  MAP_BYTES,
  PROTOCOL_FEATURE,
  REQUEST,
  VERSION,
} from "./abi.ts";
import { Credentials } from "./host/credentials.ts";
import { HostFileSystem } from "./host/host_file_system.ts";
import { Payload, u64Payload, vringStatePayload } from "./payload.ts";
import { openDescriptors, TestBackEnd } from "./testing/back_end.ts";
import type { TestFrontEnd } from "./testing/front_end.ts";
import { TestGuest } from "./testing/guest.ts";
import { PLAIN } from "./testing/share.ts";

const WINDOW_BYTES = 16 << 20;

/** A shared directory with one file, a front-end with a channel for the back-end. */
class Fixture implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "kfs-dax-" });
  readonly backEnd: TestBackEnd;
  readonly frontEnd: TestFrontEnd;
  readonly guest: TestGuest;
  readonly channel: number;
  readonly #root: number;
  readonly #before = Deno.cwd();

  constructor() {
    Deno.writeTextFileSync(`${this.folder}/file`, "mapped".padEnd(8192, "."));
    this.#root = open(this.folder, O_PATH | O_DIRECTORY);
    Deno.chdir("/proc/self/fd");
    this.backEnd = new TestBackEnd(
      () => new HostFileSystem(this.#root, PLAIN, new Credentials(false), () => {}),
      { capabilities: [CAPABILITY.MAP_ALIGNMENT], mapAlignment: 12 },
      4,
      WINDOW_BYTES,
    );
    this.frontEnd = this.backEnd.connect().frontEnd;
    this.frontEnd.start(2, 128, Object.values(FEATURE), [
      PROTOCOL_FEATURE.REPLY_ACK,
      PROTOCOL_FEATURE.BACKEND_REQ,
      PROTOCOL_FEATURE.BACKEND_SEND_FD,
      PROTOCOL_FEATURE.SHMEM,
    ]);
    const [ours, theirs] = makeSocketPair();
    this.channel = ours;
    this.frontEnd.send(REQUEST.SET_BACKEND_REQ_FD, undefined, [theirs]);
    close(theirs);
    this.guest = new TestGuest(this.frontEnd);
    const agreed = this.guest.connect();
    assert.equal(agreed.body.getUint16(30, true), 12);
  }

  lookup(): number {
    const reply = this.guest.ask(OPCODE.LOOKUP, 1, ["file"]);
    return Number(reply.body.getBigUint64(0, true));
  }

  /** Posts a request that the front-end has to act on. */
  post(opcode: number, node: number, parts: readonly Part[]): void {
    this.guest.post(buildRequest(opcode, node, parts), SIZE.OUT_HEADER);
    this.frontEnd.kick(1);
    for (let turn = 0; turn < 4; turn++) this.backEnd.loop.turn(1);
  }

  /** What the back-end asks for. */
  asked(): { request: number; payload: Payload; descriptor: number } {
    const bytes = new Uint8Array(HEADER_BYTES + MAP_BYTES);
    const { length, descriptors } = receive(this.channel, bytes, 2);
    assert.equal(length, bytes.length);
    const view = new DataView(bytes.buffer);
    return {
      request: view.getUint32(0, true),
      payload: new Payload(bytes.subarray(HEADER_BYTES)),
      descriptor: descriptors[0] ?? -1,
    };
  }

  answer(request: number, result: number): number {
    const bytes = new Uint8Array(HEADER_BYTES + 8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, request, true);
    view.setUint32(4, VERSION | FLAG_REPLY, true);
    view.setUint32(8, 8, true);
    bytes.set(u64Payload(result), HEADER_BYTES);
    send(this.channel, bytes);
    const { length } = this.frontEnd.finished(1);
    return this.guest.reply(length).error;
  }

  [Symbol.dispose](): void {
    this.backEnd[Symbol.dispose]();
    close(this.channel);
    close(this.#root);
    Deno.chdir(this.#before);
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function setUp(fileOffset: number, length: number, flags: number, at: number): Part[] {
  return [{ u64: -1 }, { u64: fileOffset }, { u64: length }, { u64: flags }, { u64: at }];
}

Deno.test("the window's size is told", () => {
  using fixture = new Fixture();
  const config = new Payload(fixture.frontEnd.ask(REQUEST.GET_SHMEM_CONFIG));
  assert.deepEqual([config.u32(0), config.u64(8), config.u64(16)], [1, WINDOW_BYTES, 0]);
});

Deno.test("a mapping is asked of the front-end, answered when it is made, and taken away", () => {
  const before = openDescriptors();
  {
    using fixture = new Fixture();
    const node = fixture.lookup();
    fixture.post(OPCODE.SETUPMAPPING, node, setUp(4096, 4096, 1, 2 << 20));
    assert.equal(fixture.frontEnd.rings[1]?.reap(), undefined);
    const { request, payload, descriptor } = fixture.asked();
    assert.equal(request, BACKEND_REQUEST.SHMEM_MAP);
    const fields = [8, 16, 24, 32].map((at) => payload.u64(at));
    assert.deepEqual(fields, [4096, 2 << 20, 4096, 1]);
    const mapping = mapMemory(8192, {
      descriptor,
      offsetBytes: 0,
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_SHARED,
    });
    mapping.bytes[0] = 0x4d;
    assert.equal(Deno.readTextFileSync(`${fixture.folder}/file`).slice(0, 6), "Mapped");
    unmapMemory(mapping);
    close(descriptor);
    assert.equal(fixture.answer(request, 0), 0);
    const remove = [{ u32: 1 }, { u64: 2 << 20 }, { u64: 4096 }];
    fixture.post(OPCODE.REMOVEMAPPING, node, remove);
    assert.equal(fixture.asked().request, BACKEND_REQUEST.SHMEM_UNMAP);
    assert.equal(fixture.answer(BACKEND_REQUEST.SHMEM_UNMAP, 0), 0);
  }
  assert.equal(openDescriptors(), before);
});

Deno.test("a mapping that the front-end refuses fails", () => {
  using fixture = new Fixture();
  fixture.post(OPCODE.SETUPMAPPING, fixture.lookup(), setUp(0, 4096, 2, 0));
  const { request, descriptor } = fixture.asked();
  close(descriptor);
  assert.equal(fixture.answer(request, 1), -5);
});

Deno.test("mappings outside the window, off pages, or of no file are refused", () => {
  using fixture = new Fixture();
  const node = fixture.lookup();
  const { guest } = fixture;
  for (
    const parts of [
      setUp(0, 4096, 1, WINDOW_BYTES),
      setUp(0, 0, 1, 0),
      setUp(0, 100, 1, 0),
      setUp(1, 4096, 1, 0),
      setUp(-4096, 4096, 1, 0),
      setUp(0, -4096, 1, 4096),
    ]
  ) {
    assert.equal(guest.ask(OPCODE.SETUPMAPPING, node, parts).error, -22);
  }
  assert.equal(guest.ask(OPCODE.SETUPMAPPING, 1, setUp(0, 4096, 1, 0)).error, -22);
  assert.equal(guest.ask(OPCODE.SETUPMAPPING, 99, setUp(0, 4096, 1, 0)).error, -116);
  assert.equal(guest.ask(OPCODE.REMOVEMAPPING, node, [{ u32: 0xffff_ffff }]).error, -22);
});

Deno.test("a queue is stopped though the front-end does not answer for a mapping first", () => {
  using fixture = new Fixture();
  fixture.post(OPCODE.SETUPMAPPING, fixture.lookup(), setUp(0, 4096, 1, 0));
  close(fixture.asked().descriptor);
  const reply = fixture.frontEnd.ask(REQUEST.GET_VRING_BASE, vringStatePayload(1, 0));
  assert.equal(new Payload(reply).u32(4), 3);
  const { length } = fixture.frontEnd.finished(1);
  assert.equal(fixture.guest.reply(length).error, -5);
});
