import assert from "node:assert/strict";
import { aclFromText, aclToText } from "./acl_text.ts";
import { TarError } from "./error.ts";
import { encodePax, formatPaxTime, parsePax, paxTime } from "./pax.ts";

const encoder = new TextEncoder();

Deno.test("records come back as they were, whatever their length", () => {
  for (const length of [0, 1, 5, 90, 91, 92, 990, 991, 992, 993, 9990]) {
    const records = [
      { key: "path", value: new Uint8Array(length).fill(0x0a) },
      { key: "SCHILY.xattr.user.a=b", value: Uint8Array.of(0, 1, 0x3d) },
    ];
    const [first, second] = parsePax(encodePax(records), 0);
    assert.deepEqual(first, records[0]);
    // A name with an equals sign is escaped by whoever writes it.
    assert.equal(second?.key, "SCHILY.xattr.user.a");
  }
});

Deno.test("damaged records are refused", () => {
  for (const text of ["x", "5 a=b", "99 a=b\n", "0 a=b\n", "6 ab=\n7", "7 a=bcd\n", "6 abcd\n"]) {
    assert.throws(() => parsePax(encoder.encode(text), 0), TarError, text);
  }
});

Deno.test("times before 1970 and with fractions", () => {
  const cases: [string, number, number][] = [
    ["0", 0, 0],
    ["1.5", 1, 500000000],
    ["-1.5", -2, 500000000],
    ["-1", -1, 0],
    ["1234567890.123456789", 1234567890, 123456789],
    ["-0.000000001", -1, 999999999],
  ];
  for (const [text, seconds, nanoseconds] of cases) {
    const time = paxTime({ key: "mtime", value: encoder.encode(text) }, 0);
    assert.deepEqual(time, { seconds, nanoseconds }, text);
    const again = paxTime({ key: "mtime", value: encoder.encode(formatPaxTime(time)) }, 0);
    assert.deepEqual(again, time, text);
  }
  assert.throws(() => paxTime({ key: "mtime", value: encoder.encode("soon") }, 0), TarError);
});

Deno.test("ACLs by text", () => {
  const value = aclFromText(
    "user::rwx\nuser:1000:r-x\nuser:lisa:rw-:502,group::r-x,mask::rwx,other::---",
  );
  assert.ok(value instanceof Uint8Array);
  const text = "user::rwx,user:502:rw-,user:1000:r-x,group::r-x,mask::rwx,other::---";
  assert.equal(aclToText(value), text);
  assert.deepEqual(aclFromText(text), value);
  assert.deepEqual(aclFromText("user:lisa:rwx"), {
    fault: "user lisa has no number: pack with tar --numeric-owner",
  });
  assert.ok("fault" in aclFromText("who::rwx"));
});
