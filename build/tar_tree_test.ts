import assert from "node:assert/strict";
import { printedSeed, Random } from "../tests/harness/seed.ts";
import type { TarMember, TarType } from "../tar/member.ts";
import { TarTree } from "./tar_tree.ts";
import { keyOf, Tree } from "./tree.ts";

const TIME = { seconds: 0, nanoseconds: 0 };
const NAMES = ["a", "b", "c"];
const encoder = new TextEncoder();

/** Paths to what is there: a number for a file, "dir" for a directory. */
type Model = Map<string, number | "dir">;

function memberOf(path: string, type: TarType, size: number): TarMember {
  return {
    type,
    path: encoder.encode(path),
    mode: 0o755,
    uid: size,
    gid: 0,
    size: 0,
    mtime: TIME,
    atime: undefined,
    ctime: undefined,
    target: new Uint8Array(0),
    major: 0,
    minor: 0,
    xattrs: [],
    parts: [],
    headerOffset: 0,
  };
}

/** One layer: what it adds, and what it takes away from those below. */
interface Layer {
  readonly adds: Model;
  readonly whiteouts: readonly string[];
  readonly opaque: readonly string[];
}

function drawLayer(random: Random): Layer {
  const adds: Model = new Map();
  const whiteouts: string[] = [];
  const opaque: string[] = [];
  const fill = (folder: string, depth: number): void => {
    if (depth > 0 && random.chance(15)) opaque.push(folder);
    for (const name of NAMES) {
      const path = `${folder}${name}`;
      if (random.chance(20)) whiteouts.push(path);
      if (random.chance(30)) adds.set(path, 1 + random.below(1000));
      else if (depth < 3 && random.chance(60)) {
        adds.set(path, "dir");
        fill(`${path}/`, depth + 1);
      }
    }
  };
  fill("", 0);
  return { adds, whiteouts, opaque };
}

/** As the specification says: first what the layer takes away, then what it adds. */
function applyToModel(model: Model, { adds, whiteouts, opaque }: Layer): void {
  const removeBelow = (prefix: string): void => {
    for (const path of [...model.keys()]) if (path.startsWith(prefix)) model.delete(path);
  };
  for (const folder of opaque) removeBelow(folder);
  for (const path of whiteouts) {
    model.delete(path);
    removeBelow(`${path}/`);
  }
  for (const [path, what] of adds) {
    if (what !== "dir" || model.get(path) !== "dir") removeBelow(`${path}/`);
    model.set(path, what);
  }
}

/** Whiteouts may stand anywhere in an archive once their directory was told of. */
function membersOf(layer: Layer, random: Random): TarMember[] {
  const members = [...layer.adds].map(([path, what]) =>
    what === "dir" ? memberOf(`${path}/`, "directory", 0) : memberOf(path, "file", what)
  );
  const marks = [
    ...layer.whiteouts.map((path) => path.replace(/[^/]*$/, ".wh.$&")),
    ...layer.opaque.map((folder) => `${folder}.wh..wh..opq`),
  ];
  for (const path of marks) {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const told = members.findIndex((member) => keyOf(member.path) === folder);
    const at = random.between(told + 1, members.length);
    members.splice(at, 0, memberOf(path, "file", 0));
  }
  return members;
}

Deno.test("layers give what the specification says, wherever their whiteouts stand", () => {
  const seed = printedSeed("layers");
  const random = new Random(seed);
  const store = { read: () => 0 };
  for (let round = 0; round < 300; round++) {
    const tree = new Tree(TIME);
    const model: Model = new Map();
    for (let source = 0; source < 4; source++) {
      const layer = drawLayer(random);
      applyToModel(model, layer);
      const archive = new TarTree(tree, source, store, { lenient: false, warn: () => undefined });
      for (const member of membersOf(layer, random)) archive.add(member);
      const found = [...tree.walk()].map(({ path, entry: { node } }) =>
        `${path} ${node.children === undefined ? node.uid : "dir"}`
      );
      const expected = [...model].map(([path, what]) => `${path} ${what}`);
      assert.deepEqual(found.sort(), expected.sort(), `KFS_SEED=${seed}, round ${round}`);
    }
  }
});
