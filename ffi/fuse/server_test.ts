import assert from "node:assert/strict";
import { CAPABILITY, OPCODE, OPCODE_LIMIT, SIZE } from "./abi.ts";
import { DEFERRED } from "./port.ts";
import { MemoryFileSystem } from "./testing/memory_file_system.ts";
import { buildRequest, parseReply, type Part, TestServer } from "./testing/request_builder.ts";

const EINVAL = -22;

function connected(fileSystem = new MemoryFileSystem()): TestServer {
  const test = new TestServer(fileSystem);
  assert.equal(test.connect()?.error, 0);
  return test;
}

/** CREATE; answers node and handle. */
function create(test: TestServer, name: string): { node: number; handle: number } {
  const reply = test.ask(OPCODE.CREATE, 1, [
    { u32: 0o102 },
    { u32: 0o100644 },
    { u32: 0o022 },
    { u32: 0 },
    name,
  ]);
  assert.equal(reply?.error, 0);
  return {
    node: Number(reply?.body.getBigUint64(0, true)),
    handle: Number(reply?.body.getBigUint64(128, true)),
  };
}

function writeParts(handle: number, offset: number, data: Uint8Array, size = data.length): Part[] {
  return [
    { u64: handle },
    { u64: offset },
    { u32: size },
    { u32: 0 },
    { u64: 0 },
    { u32: 0 },
    { u32: 0 },
    data,
  ];
}

function readParts(handle: number, offset: number, size: number): Part[] {
  return writeParts(handle, offset, new Uint8Array(0), size);
}

Deno.test("INIT: what is agreed and what is answered", () => {
  const fileSystem = new MemoryFileSystem();
  const test = new TestServer(fileSystem);
  const reply = test.connect();
  assert.equal(reply?.unique, 0x1122);
  assert.equal(reply?.bytes.length, SIZE.INIT_OUT);
  assert.equal(reply?.body.getUint32(0, true), 7);
  assert.equal(reply?.body.getUint32(4, true), 45);
  assert.equal(reply?.body.getUint32(20, true), 1024 * 1024);
  assert.equal(reply?.body.getUint32(24, true), 1);
  assert.equal(reply?.body.getUint16(28, true), 256);
  const connection = fileSystem.connection;
  assert.ok(connection?.has(CAPABILITY.PARALLEL_DIROPS));
  assert.ok(connection?.has(CAPABILITY.SETXATTR_EXT));
  assert.ok(connection?.has(CAPABILITY.HAS_EXPIRE_ONLY));
  assert.ok(!connection?.has(CAPABILITY.WRITEBACK_CACHE));
  assert.ok(!connection?.has(CAPABILITY.POSIX_LOCKS));
  assert.ok(!connection?.has(CAPABILITY.AUTO_INVAL_DATA));
});

Deno.test("INIT: versions", () => {
  const test = new TestServer(new MemoryFileSystem());
  const init = (major: number, minor: number) =>
    test.ask(OPCODE.INIT, 0, [{ u32: major }, { u32: minor }, { u32: 0 }, { u32: 0 }]);
  assert.equal(init(6, 99)?.error, -71);
  assert.equal(init(7, 30)?.error, -71);
  const newer = init(8, 0);
  assert.equal(newer?.error, 0);
  assert.equal(newer?.body.getUint32(0, true), 7);
  assert.ok(!test.server.connected);
  const plain = init(7, 31);
  assert.equal(plain?.body.getUint32(4, true), 31);
  assert.equal(plain?.body.getUint32(20, true), 128 * 1024, "32 pages without MAX_PAGES");
  assert.ok(test.server.connected);
});

Deno.test("nothing but INIT is served before INIT and after DESTROY", () => {
  const fileSystem = new MemoryFileSystem();
  const test = new TestServer(fileSystem);
  assert.equal(test.ask(OPCODE.STATFS, 1)?.error, -5);
  test.connect();
  assert.equal(test.ask(OPCODE.STATFS, 1)?.error, 0);
  assert.equal(test.ask(OPCODE.DESTROY, 0)?.error, 0);
  assert.equal(test.ask(OPCODE.STATFS, 1)?.error, -5);
  test.server.end();
  assert.equal(fileSystem.destroyed, 1);
});

Deno.test("names that no program can ask for are refused", () => {
  const test = connected();
  const bad = (bytes: string) => test.ask(OPCODE.LOOKUP, 1, [new TextEncoder().encode(bytes)]);
  for (const name of ["\0", ".\0", "..\0", "a/b\0", "no end"]) {
    assert.equal(bad(name)?.error, EINVAL, JSON.stringify(name));
  }
  assert.equal(bad("x".repeat(256) + "\0")?.error, -36);
  assert.equal(bad("x".repeat(255) + "\0")?.error, 0);
  assert.equal(bad("...\0")?.error, 0);
  const rename = test.ask(OPCODE.RENAME, 1, [{ u64: 1 }, "a", new Uint8Array([0x62])]);
  assert.equal(rename?.error, EINVAL);
});

Deno.test("malformed headers and short arguments", () => {
  const test = connected();
  assert.equal(test.handle(new Uint8Array(39)), undefined);
  const lookup = buildRequest(OPCODE.LOOKUP, 1, ["name"]);
  const wrongLength = lookup.slice();
  new DataView(wrongLength.buffer).setUint32(0, 4000, true);
  assert.equal(test.handle(wrongLength)?.error, EINVAL);
  const extensions = lookup.slice();
  new DataView(extensions.buffer).setUint16(36, 100, true);
  assert.equal(test.handle(extensions)?.error, EINVAL);
  for (let opcode = 0; opcode < OPCODE_LIMIT + 2; opcode++) {
    if (opcode === OPCODE.DESTROY) continue;
    const reply = test.ask(opcode, 1);
    assert.ok(reply === undefined || reply.error <= 0 || reply.bytes.length > 0);
  }
  assert.equal(test.ask(OPCODE.READ, 1)?.error, EINVAL);
  assert.equal(test.ask(OPCODE.FORGET, 1), undefined);
  assert.equal(test.ask(OPCODE.SETLK, 1)?.error, -38);
  assert.equal(test.ask(1234, 1)?.error, -38);
});

Deno.test("write and read", () => {
  const test = connected();
  const { node, handle } = create(test, "file");
  const data = new TextEncoder().encode("0123456789");
  assert.equal(
    test.ask(OPCODE.WRITE, node, writeParts(handle, 3, data))?.body.getUint32(0, true),
    10,
  );
  assert.equal(test.ask(OPCODE.WRITE, node, writeParts(handle, 0, data, 11))?.error, EINVAL);
  const read = test.ask(OPCODE.READ, node, readParts(handle, 2, 100));
  assert.deepEqual(read?.bytes, Uint8Array.from([0, ...data]));
  assert.equal(test.ask(OPCODE.READ, node, readParts(handle, 0, 0x7fff_ffff))?.error, EINVAL);
});

Deno.test("a request that is answered later", () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.deferredSyncs = [];
  const test = connected(fileSystem);
  const { node, handle } = create(test, "file");
  const fsync = () => test.ask(OPCODE.FSYNC, node, [{ u64: handle }, { u32: 0 }, { u32: 0 }]);
  assert.equal(fsync(), undefined);
  assert.equal(fsync(), undefined);
  assert.equal(test.server.waitingCount, 2);
  assert.ok(test.server.waitsFor(test.server.ticket));
  const [first, second] = fileSystem.deferredSyncs;
  test.server.complete(second ?? 0, -28);
  test.server.complete(first ?? 0, 0);
  test.server.complete(first ?? 0, 0);
  assert.deepEqual(test.sent.map((bytes) => parseReply(bytes).error), [-28, 0]);
  assert.deepEqual(test.sent.map((bytes) => parseReply(bytes).unique), [0x1122, 0x1122]);
  assert.equal(test.server.waitingCount, 0);
});

Deno.test("a read that is answered later", () => {
  const fileSystem = new MemoryFileSystem();
  let ticket = 0;
  fileSystem.read = (caller) => {
    ticket = caller.unique;
    return DEFERRED;
  };
  const test = connected(fileSystem);
  assert.equal(test.ask(OPCODE.READ, 1, readParts(0, 0, 5)), undefined);
  test.server.completeData(ticket, [new Uint8Array([1, 2]), new Uint8Array([3])]);
  assert.deepEqual(parseReply(test.sent[0] ?? new Uint8Array(0)).bytes, new Uint8Array([1, 2, 3]));
  assert.equal(test.ask(OPCODE.READ, 1, readParts(0, 0, 5)), undefined);
  test.server.completeData(ticket, [new Uint8Array(6)]);
  assert.equal(parseReply(test.sent[1] ?? new Uint8Array(0)).error, -5, "more than was asked for");
});

Deno.test("notices", () => {
  const test = connected();
  test.server.invalidateInode(7, 4096, 0);
  test.server.invalidateEntry(1, new TextEncoder().encode("ab"));
  const [inode, entry] = test.sent.map(parseReply);
  assert.deepEqual([inode?.error, inode?.unique, inode?.bytes.length], [2, 0, 24]);
  assert.equal(inode?.body.getBigUint64(8, true), 4096n);
  assert.deepEqual([entry?.error, entry?.bytes.length], [3, 16 + 3]);
  assert.equal(entry?.body.getUint32(8, true), 2);
});

Deno.test("what a file system throws becomes its number, or EIO", () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.statfs = () => {
    throw new Error("broken");
  };
  const test = connected(fileSystem);
  fileSystem.errnoOf = () => -117;
  assert.equal(test.ask(OPCODE.STATFS, 1)?.error, -117);
  fileSystem.errnoOf = () => 12;
  assert.equal(test.ask(OPCODE.STATFS, 1)?.error, -5);
  fileSystem.errnoOf = () => {
    throw new Error("broken too");
  };
  assert.equal(test.ask(OPCODE.STATFS, 1)?.error, -5);
  fileSystem.statfs = () => -1000;
  assert.equal(test.ask(OPCODE.STATFS, 1)?.error, -5);
});

Deno.test("attributes, entries and statx are laid out as the header says", () => {
  const test = connected();
  const { node } = create(test, "file");
  test.ask(OPCODE.SETATTR, node, [
    { u32: 1 << 5 | 1 << 3 },
    { u32: 0 },
    { u64: 0 },
    { u64: 5000 },
    { u64: 0 },
    { u64: 0 },
    { u64: -2 },
    { u64: 0 },
    { u32: 0 },
    { u32: 999 },
    { u32: 0 },
    { u32: 0 },
    { u32: 0 },
    { u32: 0 },
    { u32: 0 },
    { u32: 0 },
  ]);
  const getattr = test.ask(OPCODE.GETATTR, node, [{ u32: 0 }, { u32: 0 }, { u64: 0 }])?.body;
  assert.equal(getattr?.getBigUint64(0, true), 1n);
  assert.equal(getattr?.getBigUint64(16 + 8, true), 5000n);
  assert.equal(getattr?.getBigInt64(16 + 32, true), -2n);
  assert.equal(getattr?.getUint32(16 + 52, true), 999);
  assert.equal(getattr?.getUint32(16 + 60, true), 0o100644);
  assert.equal(getattr?.getUint32(16 + 68, true), 1000);
  const statx = test.ask(OPCODE.STATX, node, [new Uint8Array(24)])?.body;
  assert.equal(statx?.getUint32(32, true), 0xfff);
  assert.equal(statx?.getUint16(32 + 28, true), 0o100644);
  assert.equal(statx?.getBigInt64(32 + 112, true), -2n);
  assert.ok((statx?.getBigInt64(32 + 80, true) ?? 0n) > 1_600_000_000n);
});

Deno.test("directory listings go on where they stopped", () => {
  const test = connected();
  for (let index = 0; index < 100; index++) create(test, `file${index}`);
  for (const opcode of [OPCODE.READDIR, OPCODE.READDIRPLUS]) {
    const names: string[] = [];
    let offset = 0;
    for (;;) {
      const reply = test.ask(opcode, 1, readParts(0, offset, 1000));
      assert.ok(reply !== undefined && reply.error === 0 && reply.bytes.length <= 1000);
      if (reply.bytes.length === 0) break;
      const skip = opcode === OPCODE.READDIRPLUS ? SIZE.ENTRY_OUT : 0;
      for (let at = 0; at < reply.bytes.length;) {
        const length = reply.body.getUint32(at + skip + 16, true);
        const begin = at + skip + SIZE.DIRENT;
        names.push(new TextDecoder().decode(reply.bytes.subarray(begin, begin + length)));
        offset = Number(reply.body.getBigUint64(at + skip + 8, true));
        at += (skip + SIZE.DIRENT + length + 7) & ~7;
      }
    }
    assert.equal(names.length, 102);
    assert.equal(new Set(names).size, 102);
  }
});

Deno.test("BATCH_FORGET with a count that is not true", () => {
  const test = connected();
  const { node } = create(test, "file");
  const parts: Part[] = [{ u32: 1000 }, { u32: 0 }, { u64: node }, { u64: 1 }];
  assert.equal(test.ask(OPCODE.BATCH_FORGET, 0, parts), undefined);
});

Deno.test("random bytes never make the server throw", () => {
  const seed = Number(Deno.env.get("FUZZ_SEED") ?? Date.now() % 1_000_000);
  console.log(`seed ${seed} (FUZZ_SEED repeats it)`);
  const random = generator(seed);
  const fileSystem = new MemoryFileSystem();
  fileSystem.write = () => 0;
  fileSystem.fallocate = () => 0;
  fileSystem.setattr = () => 0;
  const test = connected(fileSystem);
  for (let round = 0; round < 30_000; round++) {
    const bytes = new Uint8Array(random(200));
    for (let at = 0; at < bytes.length; at++) bytes[at] = random(256);
    const view = new DataView(bytes.buffer);
    if (bytes.length >= SIZE.IN_HEADER && random(10) > 0) {
      view.setUint32(0, bytes.length, true);
      view.setUint32(4, random(OPCODE_LIMIT + 2), true);
      view.setBigUint64(16, BigInt(random(4)), true);
      view.setUint32(36, random(3) === 0 ? random(4) : 0, true);
      if (random(2) === 0) bytes.fill(0, SIZE.IN_HEADER, SIZE.IN_HEADER + random(64));
    }
    const reply = test.handle(bytes);
    assert.ok(reply === undefined || reply.error <= 0);
    if (!test.server.connected) test.connect();
  }
});

/** A linear congruential generator: numbers from 0 up to `limit`, without it. */
function generator(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 0x1_0000_0000 * limit);
  };
}
