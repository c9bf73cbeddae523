/** Figures of a daemon as Prometheus reads them. @module */

import assert from "node:assert/strict";

import { OPCODE } from "../../ffi/fuse/abi.ts";
import { connectTo } from "../../ffi/libc/socket.ts";
import { parseTcpAddress } from "../../ffi/libc/tcp.ts";
import { TestFrontEnd } from "../../vhost/testing/front_end.ts";
import { TestGuest } from "../../vhost/testing/guest.ts";
import { Scratch } from "../harness/scratch.ts";
import { Daemon } from "./daemon.ts";

const ENOENT = -2;
const LOOKUPS = 7;

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What a server answers to these bytes, until it closes. */
async function exchange(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  let answer = "";
  const bytes = new Uint8Array(4096);
  for (;;) {
    const length = await connection.read(bytes).catch(() => null);
    if (length === null) return answer;
    answer += new TextDecoder().decode(bytes.subarray(0, length));
  }
}

function value(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? NaN);
}

Deno.test("requests, failures and bytes are counted by operation, and told over HTTP", async () => {
  using scratch = new Scratch("vhost-metrics");
  const share = scratch.makeFolder("share");
  Deno.writeTextFileSync(`${share}/file`, "x".repeat(1000));
  const port = freePort();
  await using daemon = await Daemon.start(scratch.path("socket"), [
    ...["--shared-dir", share, "--metrics", `127.0.0.1:${port}`],
    ...["--sandbox", Deno.uid() === 0 ? "namespace" : "none"],
  ]);
  const frontEnd = new TestFrontEnd(connectTo(daemon.socket), () => {});
  frontEnd.start();
  const guest = new TestGuest(frontEnd);
  guest.connect();
  for (let time = 0; time < LOOKUPS; time++) {
    assert.equal(guest.ask(OPCODE.LOOKUP, 1, ["nothing"]).error, ENOENT);
  }
  const found = guest.ask(OPCODE.LOOKUP, 1, ["file"]);
  const node = Number(found.body.getBigUint64(0, true));
  const opened = guest.ask(OPCODE.OPEN, node, [{ u32: 0 }, { u32: 0 }]);
  const handle = Number(opened.body.getBigUint64(0, true));
  guest.ask(OPCODE.READ, node, [{ u64: handle }, { u64: 0 }, { u32: 600 }, new Uint8Array(20)]);
  const [head = "", body = ""] = (await exchange(port, "GET /metrics HTTP/1.1\r\n\r\n"))
    .split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain; version=0\.0\.4/);
  assert.equal(value(body, "kfsd_front_ends"), 1);
  assert.equal(value(body, "kfsd_read_bytes_total"), 600);
  assert.equal(value(body, 'kfsd_request_errors_total{operation="lookup"}'), LOOKUPS);
  const name = "kfsd_request_duration_seconds";
  assert.equal(value(body, `${name}_count{operation="lookup"}`), LOOKUPS + 1);
  assert.equal(value(body, `${name}_bucket{operation="lookup",le="+Inf"}`), LOOKUPS + 1);
  assert.ok(value(body, `${name}_sum{operation="lookup"}`) > 0);
  assert.match(await exchange(port, "GET /etc HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 404/);
  assert.match(await exchange(port, "POST /metrics HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 405/);
  assert.equal(await exchange(port, "x".repeat(20_000)), "");
  frontEnd.close();
  const { code, log } = await daemon.ended();
  assert.equal(code, 0, log);
  assert.match(log, /front-end 1: the front-end has left \(\d+ requests in/);
});

Deno.test("addresses for figures", () => {
  assert.deepEqual(parseTcpAddress("9100"), { host: [127, 0, 0, 1], port: 9100 });
  assert.deepEqual(parseTcpAddress("0.0.0.0:80"), { host: [0, 0, 0, 0], port: 80 });
  const zeros = Array<number>(15).fill(0);
  assert.deepEqual(parseTcpAddress("[::1]:80"), { host: [...zeros, 1], port: 80 });
  assert.deepEqual(parseTcpAddress("[fe80::1:2]:80")?.host.slice(0, 2), [0xfe, 0x80]);
  for (const bad of ["", "x", "1.2.3:4", "[::1::]:4", "1.2.3.4:70000", "host:1", "[1:2]:3"]) {
    assert.equal(parseTcpAddress(bad), undefined, bad);
  }
});
