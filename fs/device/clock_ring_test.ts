import assert from "node:assert/strict";
import { ClockRing, type Kept } from "./clock_ring.ts";

class Thing implements Kept {
  referenced = false;
  ringSlot = -1;
  held = false;
  constructor(readonly id: number) {}
}

function filled(count: number): { ring: ClockRing<Thing>; things: Thing[] } {
  const ring = new ClockRing<Thing>();
  const things = Array.from({ length: count }, (_, id) => new Thing(id));
  things.forEach((thing) => ring.add(thing));
  return { ring, things };
}

function trimTo(ring: ClockRing<Thing>, limit: number): number[] {
  const dropped: number[] = [];
  for (let call = 0; call < 1000; call++) {
    ring.trim(limit, (thing) => thing.held, (thing) => dropped.push(thing.id));
  }
  return dropped;
}

Deno.test("what is used stays, what is held stays, the rest goes down to the limit", () => {
  const { ring, things } = filled(300);
  assert.deepEqual(trimTo(ring, 300), []);
  for (const thing of things) thing.referenced = thing.held = false;
  for (const thing of things.slice(0, 20)) thing.referenced = true;
  for (const thing of things.slice(20, 40)) thing.held = true;
  const dropped = trimTo(ring, 280);
  assert.deepEqual(dropped, things.slice(40, 60).map((thing) => thing.id));
  assert.equal(ring.size, 280);
  const rest = trimTo(ring, 0);
  assert.equal(rest.length, 260);
  assert.equal(ring.size, 20);
});

Deno.test("things removed leave their place to others; the ring does not grow", () => {
  const { ring, things } = filled(50);
  for (let round = 0; round < 200; round++) {
    for (const thing of things) {
      ring.remove(thing);
      assert.equal(ring.size, 49);
      ring.add(thing);
      assert.ok(thing.ringSlot < 50);
    }
  }
});

Deno.test("a call that finds nothing to drop does a little, and then little for a while", () => {
  const { ring, things } = filled(10_000);
  for (const thing of things) thing.held = true;
  let looks = 0;
  for (let call = 0; call < 330; call++) {
    ring.trim(9_990, (thing) => {
      looks++;
      return thing.held;
    }, () => assert.fail());
  }
  assert.ok(looks < 400, `${looks} looks`);
});
