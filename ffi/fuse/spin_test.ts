import assert from "node:assert/strict";
import { Spin } from "./spin.ts";

Deno.test("asks again while requests come densely, and gives up by and by", () => {
  const spin = new Spin(64);
  assert.equal(spin.budget, 0);
  spin.woken(5);
  assert.equal(spin.budget, 0, "a request after a long sleep is no dense traffic");
  spin.woken(0.02);
  assert.equal(spin.budget, 64);
  spin.missed();
  spin.missed();
  assert.equal(spin.budget, 16);
  spin.hit();
  assert.equal(spin.budget, 64);
  for (let round = 0; round < 7; round++) spin.missed();
  assert.equal(spin.budget, 0);
});

Deno.test("a limit of 0 never asks again", () => {
  const spin = new Spin(0);
  spin.woken(0);
  spin.hit();
  assert.equal(spin.budget, 0);
});
