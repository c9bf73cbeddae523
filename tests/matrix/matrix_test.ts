import assert from "node:assert/strict";
import { Scratch } from "../harness/scratch.ts";
import { numberFromEnv } from "../harness/seed.ts";
import { programs, testWith } from "../harness/skip.ts";
import { allCases, testedCases } from "./all_cases.ts";
import type { MatrixCase } from "./cases.ts";
import { keyOf, readPage } from "./page.ts";
import { makeSource, tryCase } from "./try_case.ts";

const needs = [programs("mke2fs", "e2fsck", "debugfs")];
const HOW = "run `deno task matrix`";

/** Which part of the pairs: a number, so that several runs can do all of them. */
const turn = numberFromEnv("KFS_MATRIX_TURN", 0);

Deno.test("docs/matrix.md has every case", () => {
  const said = readPage();
  const missing = allCases().map(keyOf).filter((key) => !said.has(key));
  assert.deepEqual(missing, [], HOW);
});

function tryAll(cases: readonly MatrixCase[]): string[] {
  using scratch = new Scratch("matrix");
  const source = makeSource(scratch);
  const said = readPage();
  return cases.flatMap((wanted) => {
    const key = keyOf(wanted);
    try {
      const { access } = tryCase(wanted, source, scratch);
      // Another mke2fs may know less.
      if (access === said.get(key) || access === "none") return [];
      return [`${key}: ${access}, but docs/matrix.md says ${said.get(key)}: ${HOW}`];
    } catch (error) {
      return [`${key}: ${error instanceof Error ? error.message : error}`];
    }
  });
}

testWith({
  name: "images of mke2fs are changed, clean, and the same to the kernel, as docs/matrix.md says",
  needs,
  timeoutMs: 600_000,
  fn() {
    const cases = testedCases(turn);
    const faults = tryAll(cases);
    console.log(`${cases.length} kinds of images`);
    assert.equal(faults.length, 0, faults.slice(0, 8).join("\n"));
  },
});
