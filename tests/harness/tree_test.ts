import assert from "node:assert/strict";
import * as libc from "./libc.ts";
import { Random } from "./seed.ts";
import { mountsUnder, Scratch } from "./scratch.ts";
import { programs, testWith } from "./skip.ts";
import { takeTree, treeDifferences } from "./tree.ts";

function differencesAfter(change: (folder: string) => void): readonly string[] {
  using scratch = new Scratch("tree");
  const folder = scratch.makeFolder("t");
  Deno.mkdirSync(`${folder}/d`);
  Deno.writeTextFileSync(`${folder}/d/file`, "content");
  Deno.linkSync(`${folder}/d/file`, `${folder}/second`);
  Deno.symlinkSync("somewhere", `${folder}/link`);
  libc.utimens(`${folder}/d`, [1, 2], [3, 4]);
  const before = takeTree(folder);
  change(folder);
  libc.utimens(`${folder}/d`, [1, 2], [3, 4]);
  const rootTime = before.get(".")?.["modified"];
  return treeDifferences(before, takeTree(folder)).filter((line) =>
    !(line.startsWith(".:") && line.includes(rootTime ?? "?"))
  );
}

Deno.test("a tree equals itself", () => {
  assert.deepEqual(differencesAfter(() => {}), []);
});

Deno.test("each kind of change shows", () => {
  const changes: Readonly<Record<string, (folder: string) => void>> = {
    "mode:": (folder) => libc.chmod(`${folder}/d/file`, 0o600),
    "content:": (folder) => Deno.writeTextFileSync(`${folder}/d/file`, "Content"),
    "size:": (folder) => libc.truncate(`${folder}/d/file`, 100),
    "links:": (folder) => Deno.removeSync(`${folder}/second`),
    "only on the left": (folder) => Deno.removeSync(`${folder}/link`),
    "only on the right": (folder) => libc.symlink("x", `${folder}/d/\xff\xfe`),
    "modified:": (folder) => libc.utimens(`${folder}/d/file`, [0, 0], [2 ** 33, 123]),
    "same file as:": (folder) => {
      Deno.removeSync(`${folder}/second`);
      Deno.writeTextFileSync(`${folder}/second`, "content");
    },
  };
  for (const [sign, change] of Object.entries(changes)) {
    const lines = differencesAfter(change);
    assert.ok(lines.some((line) => line.includes(sign)), `${sign} in ${JSON.stringify(lines)}`);
  }
});

testWith({
  name: "attributes are part of a tree",
  needs: [programs("setfattr")],
  fn() {
    const lines = differencesAfter((folder) => {
      libc.setxattr(`${folder}/d/file`, "user.colour", new Uint8Array([1, 2, 3]));
    });
    assert.ok(lines.some((line) => line.includes("user.colour=010203")), lines.join());
  },
});

Deno.test("a seed gives the same draws again", () => {
  const draws = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 1000 }, () => random.below(1000));
  };
  assert.deepEqual(draws(7), draws(7));
  assert.notDeepEqual(draws(7), draws(8));
  assert.ok(new Set(draws(0)).size > 500, "the draws spread");
});

Deno.test("a scratch folder is gone after its block", () => {
  let folder = "";
  {
    using scratch = new Scratch("gone");
    folder = scratch.folder;
    Deno.writeTextFileSync(scratch.path("file"), "x");
  }
  assert.throws(() => Deno.statSync(folder), Deno.errors.NotFound);
  assert.deepEqual(mountsUnder(folder), []);
});
