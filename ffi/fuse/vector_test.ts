import assert from "node:assert/strict";
import { OPCODE, SIZE } from "./abi.ts";
import { MemoryFileSystem } from "./testing/memory_file_system.ts";
import { buildRequest, parseReply, type Part } from "./testing/request_builder.ts";
import { gather, scatter, slicePieces } from "../libc/pieces.ts";
import { ANSWERED_LATER, VectorServer } from "./vector.ts";

/** Cuts bytes into pieces of these lengths; the last takes the rest. */
function cut(bytes: Uint8Array, ...lengths: number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(bytes.slice(at, at + length));
    at += length;
  }
  pieces.push(bytes.slice(at));
  return pieces;
}

function connected(fileSystem = new MemoryFileSystem()): {
  vector: VectorServer;
  sent: [number, Uint8Array[]][];
} {
  const sent: [number, Uint8Array[]][] = [];
  const vector = new VectorServer(fileSystem, {
    sendDeferred: (ticket, pieces) => sent.push([ticket, [...pieces]]),
    sendNotice: () => {},
  });
  const init = buildRequest(OPCODE.INIT, 0, [
    { u32: 7 },
    { u32: 38 },
    { u32: 0 },
    { u32: 0xffff_ffff },
    { u32: 0 },
    new Uint8Array(44),
  ]);
  const targets = [new Uint8Array(16), new Uint8Array(64)];
  assert.equal(vector.handle(cut(init, 40), targets), SIZE.OUT_HEADER + SIZE.INIT_OUT);
  return { vector, sent };
}

function dataParts(offset: number, size: number, data: Uint8Array): Part[] {
  return [
    { u64: 1 },
    { u64: offset },
    { u32: size },
    { u32: 0 },
    { u64: 0 },
    { u32: 0 },
    { u32: 0 },
    data,
  ];
}

function makeFile(vector: VectorServer): number {
  const request = buildRequest(OPCODE.MKNOD, 1, [
    { u32: 0o100644 },
    { u32: 0 },
    { u32: 0 },
    { u32: 0 },
    "file",
  ]);
  const target = new Uint8Array(200);
  const length = vector.handle(cut(request, 3, 40, 2), [target]);
  const reply = parseReply(target.slice(0, length));
  assert.equal(reply.error, 0);
  return Number(reply.body.getBigUint64(0, true));
}

Deno.test("data go from piece to piece", () => {
  const { vector } = connected();
  const node = makeFile(vector);
  const data = Uint8Array.from({ length: 300 }, (_, index) => index & 255);
  const write = buildRequest(OPCODE.WRITE, node, dataParts(5, 300, data));
  const short = [new Uint8Array(16), new Uint8Array(8)];
  assert.equal(vector.handle(cut(write, 10, 35, 40, 100), short), 24);
  assert.equal(new DataView((short[1] ?? data).buffer).getUint32(0, true), 300);

  const targets = [new Uint8Array(10), new Uint8Array(100), new Uint8Array(250)];
  const read = buildRequest(OPCODE.READ, node, dataParts(0, 320, new Uint8Array(0)));
  assert.equal(vector.handle(cut(read, 40), targets), 16 + 305);
  const whole = new Uint8Array(16 + 305);
  gather(targets, whole);
  assert.deepEqual(parseReply(whole).bytes, Uint8Array.from([0, 0, 0, 0, 0, ...data]));
});

Deno.test("too little room is an error, not less data", () => {
  const { vector } = connected();
  const node = makeFile(vector);
  const read = buildRequest(OPCODE.READ, node, dataParts(0, 100, new Uint8Array(0)));
  const target = new Uint8Array(100);
  assert.equal(vector.handle([read], [target]), 16);
  assert.equal(parseReply(target.slice(0, 16)).error, -22);
  const getattr = buildRequest(OPCODE.GETATTR, node, [new Uint8Array(16)]);
  assert.equal(vector.handle([getattr], [target.subarray(0, 50)]), 16);
  assert.equal(parseReply(target.slice(0, 16)).error, -5);
  assert.equal(vector.handle([getattr], [target.subarray(0, 15)]), 0);
  assert.equal(vector.handle([getattr.subarray(0, 39)], [target]), 0);
  const write = buildRequest(OPCODE.WRITE, node, dataParts(0, 101, new Uint8Array(100)));
  assert.equal(vector.handle([write], [target]), 16);
  assert.equal(parseReply(target.slice(0, 16)).error, -22);
});

Deno.test("requests without an answer, and with a later one", () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.deferredSyncs = [];
  const { vector, sent } = connected(fileSystem);
  const node = makeFile(vector);
  assert.equal(vector.handle([buildRequest(OPCODE.FORGET, 999, [{ u64: 1 }])], []), 0);
  const fsync = buildRequest(OPCODE.FSYNC, node, [{ u64: 0 }, { u64: 0 }]);
  const targets = [new Uint8Array(16)];
  assert.equal(vector.handle([fsync], targets), ANSWERED_LATER);
  const ticket = vector.server.ticket;
  fileSystem.idle();
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.[0], ticket);
  assert.equal(scatter(sent[0]?.[1] ?? [], targets), 16);
});

Deno.test("pieces", () => {
  const pieces = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3, 4, 5)];
  assert.deepEqual(slicePieces(pieces, 1, 3).map((piece) => [...piece]), [[2], [3, 4]]);
  assert.deepEqual(slicePieces(pieces, 5, 3), []);
  const targets = [new Uint8Array(1), new Uint8Array(0), new Uint8Array(3)];
  assert.equal(scatter(pieces, targets), 4);
  assert.deepEqual(targets.map((target) => [...target]), [[1], [], [2, 3, 4]]);
});
