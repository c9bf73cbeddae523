import assert from "node:assert/strict";

import { FORBIDDEN, IdMap } from "./id_map.ts";

Deno.test("ids go both ways, one way, to one, or nowhere", () => {
  const map = new IdMap([
    "map:0:100000:1000",
    "squash-guest:5000:65534:10",
    "forbid-guest:6000:5",
    "host:200000:7000:2",
    "squash-host:300000:99:100",
  ]);
  assert.deepEqual([0, 999, 1000, 5009, 6004].map((id) => map.toHost(id)), [
    100000,
    100999,
    1000,
    65534,
    FORBIDDEN,
  ]);
  assert.deepEqual([100000, 100999, 200001, 300050, 7].map((id) => map.toGuest(id)), [
    0,
    999,
    7001,
    99,
    7,
  ]);
});

Deno.test("rules that cannot be understood or overlap are refused", () => {
  for (const rule of ["", "map:1:2", "map:a:2:3", "other:1:2:3", "map:1:2:0", "forbid-guest:1"]) {
    assert.throws(() => new IdMap([rule]), RangeError, rule);
  }
  assert.throws(() => new IdMap(["guest:0:5:10", "forbid-guest:9:1"]), RangeError);
});
