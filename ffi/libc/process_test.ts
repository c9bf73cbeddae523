import assert from "node:assert/strict";
import { SystemError } from "./error.ts";
import { makePipe } from "./event.ts";
import { close, readSome } from "./file.ts";
import { startProcess, waitForProcess } from "./process.ts";
import { blockSignals } from "./signals.ts";

const SIGUSR2 = 12;

/** Runs a shell script. @returns what it said, on either stream, and its exit status. */
function shell(script: string): [said: string, status: number] {
  const [readEnd, writeEnd] = makePipe();
  const environment = { PATH: Deno.env.get("PATH") ?? "", WORD: "given" };
  const pid = startProcess("/bin/sh", ["sh", "-c", script], environment, writeEnd);
  close(writeEnd);
  const parts: string[] = [];
  const chunk = new Uint8Array(100);
  for (let length = 1; length > 0;) {
    length = readSome(readEnd, chunk);
    parts.push(new TextDecoder().decode(chunk.subarray(0, length)));
  }
  close(readEnd);
  return [parts.join(""), waitForProcess(pid)];
}

Deno.test("a process gets arguments, environment and streams, and its status comes back", () => {
  assert.deepEqual(shell('echo "$WORD"; echo wrong >&2; read line || exit 3'), [
    "given\nwrong\n",
    3,
  ]);
  assert.deepEqual(shell("kill -9 $$"), ["", 128 + 9]);
  assert.throws(
    () => startProcess("/none/such", ["such"], {}, 1),
    (error) => error instanceof SystemError && error.code === "ENOENT",
  );
});

Deno.test("blocked signals are blocked in what is started", () => {
  const before = shell("kill -USR2 $$; sleep 5; echo lives");
  assert.deepEqual(before, ["", 128 + SIGUSR2]);
  blockSignals([SIGUSR2]);
  assert.deepEqual(shell("kill -USR2 $$; echo lives"), ["lives\n", 0]);
});
