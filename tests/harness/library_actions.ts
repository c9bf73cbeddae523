/**
 * Random changes, made to an image through the library and to the model, whose answers must agree.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FsError, type Image, type ImageFile } from "../../mod.ts";
import {
  directories,
  dropName,
  dropTree,
  type ModelNode,
  type ModelPlace,
  newNode,
  renameAnswer,
  withBytes,
  withSize,
} from "./library_model.ts";
import type { Random } from "./seed.ts";

/** An open file and what it must hold; its name may be gone. */
export interface OpenModelFile {
  readonly file: ImageFile;
  readonly node: ModelNode;
}

/** The two sides of a random test. */
export interface World {
  readonly random: Random;
  image: Image;
  readonly root: ModelNode;
  readonly open: OpenModelFile[];
  /** Longest file that is made, in bytes. */
  readonly maxBytes: number;
  /** Told of each change. */
  log: (line: string) => void;
}

type Action = (world: World) => void;

/** Does `work` on the image; its answer must be `wanted` (a code, or "" for success). @returns whether it succeeded. */
function agree(world: World, what: string, wanted: string, work: () => void): boolean {
  let got = "";
  try {
    work();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    got = error.code;
  }
  world.log(`${what} ${got}`);
  assert.equal(got, wanted, what);
  return got === "";
}

function anyName({ random }: World): string {
  const short = `n${random.below(12)}`;
  if (random.chance(70)) return short;
  if (random.chance(50)) return `${short}-${"long".repeat(random.between(1, 60))}`;
  return `名字${random.below(300)}`;
}

function anyPlace(world: World): ModelPlace {
  const { random, root } = world;
  const { path, node: dir } = random.pick(directories(root));
  const name = dir.children.size > 0 && random.chance(60)
    ? random.pick([...dir.children.keys()])
    : anyName(world);
  return { dir, name, path: `${path}/${name}`, node: dir.children.get(name) };
}

function placeOf(world: World, kind: ModelNode["kind"]): ModelPlace | undefined {
  for (let tries = 0; tries < 20; tries++) {
    const place = anyPlace(world);
    if (place.node?.kind === kind) return place;
  }
  return undefined;
}

function anyBytes(world: World): Uint8Array<ArrayBuffer> {
  const { random, maxBytes } = world;
  const bound = random.pick([10, 200, 5000, 70_000, maxBytes]);
  return random.fill(new Uint8Array(random.below(Math.min(bound, maxBytes))));
}

function offsetIn(world: World, node: ModelNode): number {
  return world.random.below(Math.min(world.maxBytes, node.content.length * 2 + 5000));
}

const makeDirectory: Action = (world) => {
  const { dir, name, path, node } = anyPlace(world);
  const mode = world.random.pick([0o755, 0o700, 0o1777]);
  const wanted = node === undefined ? "" : "EEXIST";
  const done = agree(world, `mkdir ${path}`, wanted, () => world.image.mkdir(path, { mode }));
  if (done) dir.children.set(name, newNode("directory", mode));
};

const writeWhole: Action = (world) => {
  const { dir, name, path, node } = anyPlace(world);
  if (node?.kind === "link") return;
  const data = anyBytes(world);
  const append = world.random.chance(30);
  const wanted = node?.kind === "directory" ? "EISDIR" : "";
  const what = `writeFile ${path} ${data.length} ${append}`;
  if (!agree(world, what, wanted, () => world.image.writeFile(path, data, { append }))) return;
  const file = node ?? newNode("file", 0o644);
  if (!append) withSize(file, 0);
  withBytes(file, file.content.length, data);
  dir.children.set(name, file);
};

const writePart: Action = (world) => {
  const { path, node } = placeOf(world, "file") ?? {};
  if (path === undefined || node === undefined) return;
  const data = anyBytes(world);
  const offset = offsetIn(world, node);
  agree(world, `writeAt ${path} ${offset} ${data.length}`, "", () => {
    using file = world.image.open(path, { write: true });
    assert.equal(file.writeAt(data, offset), data.length);
  });
  withBytes(node, offset, data);
};

const resize: Action = (world) => {
  const { path, node } = placeOf(world, "file") ?? {};
  if (path === undefined || node === undefined) return;
  const size = offsetIn(world, node);
  agree(world, `truncate ${path} ${size}`, "", () => world.image.truncate(path, size));
  withSize(node, size);
};

const punch: Action = (world) => {
  const { path, node } = placeOf(world, "file") ?? {};
  if (path === undefined || node === undefined) return;
  const offset = offsetIn(world, node);
  const length = 1 + world.random.below(50_000);
  agree(world, `punch ${path} ${offset} ${length}`, "", () => {
    world.image.fallocate(path, offset, length, { mode: "punchHole" });
  });
  node.content.fill(0, offset, offset + length);
};

const allocate: Action = (world) => {
  const { path, node } = placeOf(world, "file") ?? {};
  if (path === undefined || node === undefined) return;
  const offset = offsetIn(world, node);
  const length = 1 + world.random.below(50_000);
  const mode = world.random.pick(["allocate", "zeroRange"] as const);
  const keepSize = world.random.chance(50);
  try {
    world.image.fallocate(path, offset, length, { mode, keepSize });
  } catch (error) {
    // Files with block maps cannot.
    if (error instanceof FsError && error.code === "EOPNOTSUPP") return;
    throw error;
  }
  world.log(`${mode} ${path} ${offset} ${length} ${keepSize}`);
  if (mode === "zeroRange") node.content.fill(0, offset, offset + length);
  if (!keepSize) withSize(node, Math.max(node.content.length, offset + length));
};

const removeOne: Action = (world) => {
  const place = anyPlace(world);
  const { path, node } = place;
  const full = node !== undefined && node.children.size > 0;
  const recursive = world.random.chance(4);
  const wanted = node === undefined ? "ENOENT" : full && !recursive ? "ENOTEMPTY" : "";
  const what = `remove ${path} ${recursive}`;
  if (!agree(world, what, wanted, () => world.image.remove(path, { recursive }))) return;
  if (node?.kind === "directory") dropTree(node);
  dropName(place);
};

const renameOne: Action = (world) => {
  const from = anyPlace(world);
  const to = anyPlace(world);
  const exchange = world.random.chance(20);
  const wanted = renameAnswer(from, to, exchange);
  const what = `rename ${from.path} ${to.path} ${exchange}`;
  const { node: source } = from;
  const { node: target } = to;
  const done = agree(world, what, wanted, () => {
    world.image.rename(from.path, to.path, { exchange });
  });
  if (!done || source === undefined || source === target) return;
  if (exchange && target !== undefined) from.dir.children.set(from.name, target);
  else {
    dropName(to);
    from.dir.children.delete(from.name);
  }
  to.dir.children.set(to.name, source);
};

const linkOne: Action = (world) => {
  const from = anyPlace(world);
  const to = anyPlace(world);
  const { node } = from;
  if (node === undefined) return;
  const wanted = to.node !== undefined ? "EEXIST" : node.kind === "directory" ? "EPERM" : "";
  const what = `link ${from.path} ${to.path}`;
  if (!agree(world, what, wanted, () => world.image.link(from.path, to.path))) return;
  node.links++;
  to.dir.children.set(to.name, node);
};

const symlinkOne: Action = (world) => {
  const { dir, name, path, node } = anyPlace(world);
  const target = "t/".repeat(world.random.between(1, world.random.pick([5, 40, 300])));
  const wanted = node === undefined ? "" : "EEXIST";
  const done = agree(world, `symlink ${path}`, wanted, () => world.image.symlink(target, path));
  if (done) dir.children.set(name, newNode("link", 0o777, target));
};

const changeAttributes: Action = (world) => {
  const { random, image } = world;
  const { path, node } = anyPlace(world);
  if (node === undefined || node.kind === "link") return;
  const mode = random.below(0o2000);
  const uid = random.below(0x1_0000_0000 - 1);
  agree(world, `chown ${path} ${uid}`, "", () => image.chown(path, uid, 7));
  agree(world, `chmod ${path} ${mode.toString(8)}`, "", () => image.chmod(path, mode));
  Object.assign(node, { uid, gid: 7, mode });
};

const changeXattr: Action = (world) => {
  const { random, image } = world;
  const { path, node } = anyPlace(world);
  if (node === undefined || node.kind === "link") return;
  const name = `user.x${random.below(6)}`;
  if (random.chance(30)) {
    const wanted = node.xattrs.has(name) ? "" : "ENODATA";
    agree(world, `removeXattr ${path} ${name}`, wanted, () => image.removeXattr(path, name));
    node.xattrs.delete(name);
    return;
  }
  const value = "v".repeat(random.below(random.pick([8, 120])));
  agree(world, `setXattr ${path} ${name}`, "", () => image.setXattr(path, name, value));
  node.xattrs.set(name, value);
};

const copyOne: Action = (world) => {
  const from = placeOf(world, "file");
  const to = anyPlace(world);
  if (from?.node === undefined || to.node?.kind === "link") return;
  const { node } = from;
  const wanted = to.node?.kind === "directory" ? "EISDIR" : to.node === node ? "EINVAL" : "";
  const what = `copyFile ${from.path} ${to.path}`;
  if (!agree(world, what, wanted, () => world.image.copyFile(from.path, to.path))) return;
  const copy = to.node ?? newNode("file", 0);
  copy.mode = node.mode;
  copy.content = node.content.slice();
  to.dir.children.set(to.name, copy);
};

const useOpenFile: Action = (world) => {
  const { random, open, image } = world;
  if (open.length < 4 && random.chance(50)) {
    const place = placeOf(world, "file");
    if (place?.node === undefined) return;
    open.push({ file: image.open(place.path, { read: true, write: true }), node: place.node });
    return;
  }
  const index = random.below(Math.max(1, open.length));
  const used = open[index];
  if (used === undefined) return;
  const { file, node } = used;
  const content = new Uint8Array(node.content.length + 1);
  assert.equal(file.readAt(content, 0), node.content.length);
  assert.deepEqual(content.subarray(0, -1), node.content);
  assert.equal(file.stat().nlink, node.links);
  if (random.chance(50)) {
    const data = anyBytes(world);
    const offset = offsetIn(world, node);
    assert.equal(file.writeAt(data, offset), data.length);
    withBytes(node, offset, data);
    return;
  }
  file.close();
  open.splice(index, 1);
};

const syncAll: Action = ({ image }) => image.sync();

/** What may happen, each as often as it is named. */
export const ACTIONS: readonly Action[] = [
  makeDirectory,
  makeDirectory,
  writeWhole,
  writeWhole,
  writeWhole,
  writePart,
  writePart,
  resize,
  punch,
  allocate,
  removeOne,
  removeOne,
  renameOne,
  renameOne,
  linkOne,
  symlinkOne,
  changeAttributes,
  changeXattr,
  changeXattr,
  copyOne,
  useOpenFile,
  useOpenFile,
  syncAll,
];
