import assert from "node:assert/strict";
import { OPCODE, OPCODE_LIMIT } from "./abi.ts";
import { MemoryFileSystem } from "./testing/memory_file_system.ts";
import { type Part, TestServer } from "./testing/request_builder.ts";

function traced(): { test: TestServer; lines: string[] } {
  const lines: string[] = [];
  const test = new TestServer(new MemoryFileSystem(), { trace: (line) => lines.push(line) });
  test.connect();
  return { test, lines };
}

Deno.test("a line for every request", () => {
  const { test, lines } = traced();
  const ask = (opcode: number, ...parts: Part[]) => {
    test.ask(opcode, 1, parts);
    return (lines.at(-1) ?? "").replace(/\(\d+ µs\)$/, "").trimEnd();
  };
  assert.match(lines[0] ?? "", /^4386 INIT node 0 = 64 bytes \(\d+ µs\)$/);
  assert.equal(
    ask(OPCODE.MKDIR, { u32: 0o755 }, { u32: 0 }, "dir"),
    '4386 MKDIR node 1 "dir" mode 0755 = 128 bytes',
  );
  assert.equal(ask(OPCODE.UNLINK, "none"), '4386 UNLINK node 1 "none" = ENOENT');
  assert.equal(
    ask(OPCODE.RENAME2, { u64: 1 }, { u64: 1 }, "dir", "new"),
    '4386 RENAME2 node 1 "dir" "new" = 0 bytes',
  );
  assert.equal(ask(OPCODE.FORGET, { u64: 1 }), "4386 FORGET node 1 1 lookups = no reply");
  assert.equal(ask(OPCODE.LOOKUP, "\n\x1b"), '4386 LOOKUP node 1 "\\n\\u001b" = 128 bytes');
});

Deno.test("requests that are cut short are traced too", () => {
  const { test, lines } = traced();
  for (let opcode = 0; opcode < OPCODE_LIMIT + 2; opcode++) test.ask(opcode, 1);
  assert.equal(lines.length, OPCODE_LIMIT + 3);
});
