import assert from "node:assert/strict";
import { AbsentName } from "./absent_name.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("only the same name in the same, unchanged directory is known to be absent", () => {
  const absent = new AbsentName();
  assert.equal(absent.is(0, -1, bytes("")), true, "nothing noted: no directory has number 0");
  absent.note(12, 7, bytes("name"));
  assert.equal(absent.is(12, 7, bytes("name")), true);
  assert.equal(absent.is(12, 8, bytes("name")), false, "something changed");
  assert.equal(absent.is(13, 7, bytes("name")), false);
  for (const other of ["nam", "names", "Name", "namf"]) {
    assert.equal(absent.is(12, 7, bytes(other)), false, other);
  }
  absent.note(12, 7, bytes("x".repeat(255)));
  assert.equal(absent.is(12, 7, bytes("name")), false);
  assert.equal(absent.is(12, 7, bytes("x".repeat(255))), true);
  absent.note(12, 7, bytes("y".repeat(256)));
  assert.equal(absent.is(12, 7, bytes("y".repeat(256))), false, "too long to be kept");
});
