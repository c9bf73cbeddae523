import assert from "node:assert/strict";

import { OPCODE, SIZE } from "../ffi/fuse/abi.ts";
import { ROOT_NODE } from "../ffi/fuse/port.ts";
import { MemoryFileSystem } from "../ffi/fuse/testing/memory_file_system.ts";
import { type Part, TestServer } from "../ffi/fuse/testing/request_builder.ts";
import { SharedFileSystem } from "./shared_file_system.ts";

const CREATE: readonly Part[] = [{ u32: 2 }, { u32: 0o100644 }, { u32: 0 }, { u32: 0 }, "file"];

function makeShared(): { files: MemoryFileSystem; servers: TestServer[] } {
  const files = new MemoryFileSystem();
  const shared = new SharedFileSystem(files, { validMs: 0, keepCache: false });
  const servers = [0, 1].map(() => {
    const server = new TestServer(shared.view());
    assert.equal(server.connect()?.error, 0);
    return server;
  });
  return { files, servers };
}

Deno.test("what one guest writes the other reads, and may not keep", () => {
  const [one, two] = makeShared().servers;
  assert.ok(one !== undefined && two !== undefined);
  const created = one.ask(OPCODE.CREATE, ROOT_NODE, CREATE);
  assert.equal(created?.error, 0);
  const node = Number(created?.body.getBigUint64(0, true));
  const handle = Number(created?.body.getBigUint64(SIZE.ENTRY_OUT, true));
  const data = new TextEncoder().encode("shared");
  const parts = [{ u64: handle }, { u64: 0 }, { u32: data.length }, new Uint8Array(20), data];
  assert.equal(one.ask(OPCODE.WRITE, node, parts)?.error, 0);
  const found = two.ask(OPCODE.LOOKUP, ROOT_NODE, ["file"]);
  assert.equal(Number(found?.body.getBigUint64(0, true)), node);
  assert.equal(Number(found?.body.getBigUint64(16, true)), 0);
  assert.equal(Number(found?.body.getBigUint64(24, true)), 0);
  const opened = two.ask(OPCODE.OPEN, node, [{ u32: 0 }, { u32: 0 }]);
  const read = two.ask(OPCODE.READ, node, [
    { u64: Number(opened?.body.getBigUint64(0, true)) },
    { u64: 0 },
    { u32: 100 },
    new Uint8Array(20),
  ]);
  assert.deepEqual(read?.bytes, data);
});

Deno.test("a guest reaches only nodes that were given to it", () => {
  const [one, two] = makeShared().servers;
  assert.ok(one !== undefined && two !== undefined);
  const node = Number(one.ask(OPCODE.CREATE, ROOT_NODE, CREATE)?.body.getBigUint64(0, true));
  const getattr = [new Uint8Array(16)];
  assert.equal(one.ask(OPCODE.GETATTR, node, getattr)?.error, 0);
  assert.equal(two.ask(OPCODE.GETATTR, node, getattr)?.error, -116);
  two.ask(OPCODE.FORGET, node, [{ u64: 100 }]);
  assert.equal(one.ask(OPCODE.GETATTR, node, getattr)?.error, 0);
  one.ask(OPCODE.FORGET, node, [{ u64: 100 }]);
  assert.equal(one.ask(OPCODE.GETATTR, node, getattr)?.error, -116);
});

Deno.test("deferred answers go to who asked, and to nobody who has left", () => {
  const { files, servers: [one, two] } = makeShared();
  assert.ok(one !== undefined && two !== undefined);
  files.deferredSyncs = [];
  const created = one.ask(OPCODE.CREATE, ROOT_NODE, CREATE);
  const node = Number(created?.body.getBigUint64(0, true));
  const handle = Number(created?.body.getBigUint64(SIZE.ENTRY_OUT, true));
  two.ask(OPCODE.LOOKUP, ROOT_NODE, ["file"]);
  const sync = [{ u64: handle }, { u32: 0 }, { u32: 0 }];
  assert.equal(one.ask(OPCODE.FSYNC, node, sync), undefined);
  assert.equal(two.ask(OPCODE.FSYNC, node, sync), undefined);
  two.ask(OPCODE.DESTROY, 0);
  files.idle();
  assert.equal(one.sent.length, 1);
  assert.equal(two.sent.length, 0);
});
