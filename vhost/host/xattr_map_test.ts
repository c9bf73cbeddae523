import assert from "node:assert/strict";

import { XattrMap } from "./xattr_map.ts";

const EPERM = -1;
const EOPNOTSUPP = -95;

Deno.test("a prefix for all names hides what the host has without it", () => {
  const map = new XattrMap(":prefix:all::user.virtiofs.::bad:all:::");
  assert.equal(map.toHost("trusted.a"), "user.virtiofs.trusted.a");
  assert.equal(map.toHost("user.virtiofs.a"), "user.virtiofs.user.virtiofs.a");
  assert.equal(map.toGuest("user.virtiofs.trusted.a"), "trusted.a");
  assert.equal(map.toGuest("trusted.a"), undefined);
  assert.deepEqual(
    new XattrMap(":map::user.virtiofs.:").toHost("a"),
    map.toHost("a"),
  );
});

const TRUSTED = `/prefix/all/trusted./user.virtiofs./
  /bad/server//trusted./
  /bad/client/user.virtiofs.//
  /ok/all///`;

for (const [title, text] of [["rules", TRUSTED], ["map", "/map/trusted./user.virtiofs./"]]) {
  Deno.test(`a prefix for some names (${title}) keeps guest and host apart`, () => {
    const map = new XattrMap(text ?? "");
    assert.equal(map.toHost("trusted.a"), "user.virtiofs.trusted.a");
    assert.equal(map.toHost("user.virtiofs.trusted.a"), EPERM);
    assert.equal(map.toHost("user.a"), "user.a");
    assert.equal(map.toGuest("user.virtiofs.trusted.a"), "trusted.a");
    assert.equal(map.toGuest("trusted.a"), undefined);
    assert.equal(map.toGuest("user.a"), "user.a");
  });
}

Deno.test("the first rule that fits counts; without one names are refused and hidden", () => {
  const map = new XattrMap(
    ":bad:server::security.: :unsupported:client:security.:: ,ok,all,user.,user.,",
  );
  assert.equal(map.toHost("security.selinux"), EOPNOTSUPP);
  assert.equal(map.toGuest("security.selinux"), undefined);
  assert.equal(map.toHost("user.a"), "user.a");
  assert.equal(map.toHost("trusted.a"), EPERM);
  assert.equal(map.toGuest("trusted.a"), undefined);
});

Deno.test("what is no list of rules is refused", () => {
  const bad = ["", "  ", ":ok:all::", ":ok:everyone:::", ":good:all:::", ":map:a:", "ok", "::::"];
  bad.push(":map:a:b::ok:all:::", `:ok:all:${"k".repeat(256)}::`);
  for (const text of bad) assert.throws(() => new XattrMap(text), RangeError, text);
});
