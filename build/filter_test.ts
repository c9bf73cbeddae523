import assert from "node:assert/strict";
import { filterTree } from "./filter.ts";
import { Tree, TreeNode } from "./tree.ts";

const TIME = { seconds: 0, nanoseconds: 0 };
const encoder = new TextEncoder();

function treeOf(paths: readonly string[]): Tree {
  const tree = new Tree(TIME);
  for (const path of paths) {
    const names = tree.split(encoder.encode(path));
    const name = names.pop() ?? new Uint8Array(0);
    const parent = tree.directory(names, true, 0) ?? tree.root;
    tree.add(parent, name, new TreeNode(path.endsWith("/") ? 0o040755 : 0o100644, TIME), 0);
  }
  return tree;
}

function left(exclude: string[], include: string[]): string {
  const tree = treeOf(["a/x.o", "a/x.c", "a/b/y.o", "a/b/y.c", "b/", "docs/a/x.o", "é.txt", "[z]"]);
  filterTree(tree, { exclude, include });
  const paths = [...tree.walk()].map(({ path, entry }) => entry.node.children ? `${path}/` : path);
  return paths.sort().join(" ");
}

Deno.test("patterns of names, of paths, and of directories", () => {
  assert.equal(left(["*.o"], []), "[z] a/ a/b/ a/b/y.c a/x.c b/ docs/ docs/a/ \xc3\xa9.txt");
  assert.equal(left(["/a"], []), "[z] b/ docs/ docs/a/ docs/a/x.o \xc3\xa9.txt");
  assert.equal(left(["a/*.o", "é*", "b/"], []), "[z] a/ a/x.c docs/ docs/a/ docs/a/x.o");
  assert.equal(left(["**/b/*", "docs"], []), "[z] a/ a/b/ a/x.c a/x.o b/ \xc3\xa9.txt");
  assert.equal(left(["\\[z]", "[!a-d]*"], []), "a/ a/b/ b/ docs/ docs/a/");
});

Deno.test("includes bring back, or stand alone", () => {
  assert.equal(left(["*"], ["y.c"]), "a/ a/b/ a/b/y.c");
  assert.equal(left([], ["docs"]), "docs/ docs/a/ docs/a/x.o");
  assert.equal(left(["a"], ["/a/b"]), "[z] a/ a/b/ a/b/y.c a/b/y.o b/ docs/ \xc3\xa9.txt");
});
