import assert from "node:assert/strict";
import { Spool } from "./spool.ts";

/** The byte that belongs at an offset. */
function byteAt(offset: number): number {
  return (offset * 31 + (offset >>> 8)) & 0xff;
}

Deno.test("what was put in is read at any place, in memory and in the file, and nothing is left", () => {
  const folder = Deno.makeTempDirSync({ prefix: "kfs-spool-" });
  try {
    const spool = new Spool(folder);
    const target = new Uint8Array(70_000);
    const check = (offset: number): void => {
      let done = 0;
      for (let count = -1; count !== 0; done += count) {
        count = spool.read(target.subarray(done), offset + done);
      }
      assert.equal(done, Math.max(0, Math.min(target.length, spool.length - offset)));
      for (let i = 0; i < done; i += 997) {
        assert.equal(target[i], byteAt(offset + i), `${offset}+${i}`);
      }
    };
    for (const length of [1, 70_000, 3_000_000, 9_000_000, 4_000_000, 200, 4_100_000, 50]) {
      const from = spool.length;
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = byteAt(from + i);
      spool.append(bytes);
      for (const offset of [0, from, spool.length - 1, spool.length - 60_000, spool.length >>> 1]) {
        check(Math.max(0, offset));
      }
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }
    check(spool.length);
    spool.close();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
