/**
 * The kernel's own ext4 as a judge of what the library made.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { MemoryImage } from "../../mod.ts";
import type { ModelNode } from "./library_model.ts";
import { kernelExt4, mount } from "./mount.ts";
import { Scratch } from "./scratch.ts";
import { recordSkip } from "./skip.ts";

/** Throws unless the kernel, mounting the image read-only, shows what the model holds. */
export function kernelMustAgree(memory: MemoryImage, root: ModelNode): void {
  const reason = kernelExt4();
  if (reason !== undefined) {
    recordSkip("library: the kernel's view of random trees", reason);
    return;
  }
  using scratch = new Scratch("library-kernel");
  const path = scratch.path("image");
  memory.writeTo(path);
  using mounted = mount("kernel", path, scratch.path("mnt"), { options: ["ro"] });
  compareDirectory(mounted.mountpoint, root, true);
  mounted.unmount();
}

function compareDirectory(path: string, node: ModelNode, isRoot: boolean): void {
  const found = [...Deno.readDirSync(path)].map(({ name }) => name);
  const names = found.filter((name) => !isRoot || name !== "lost+found");
  assert.deepEqual(names.sort(), [...node.children.keys()].sort(), path);
  for (const [name, child] of node.children) compareNode(`${path}/${name}`, child);
}

function compareNode(path: string, node: ModelNode): void {
  const info = Deno.lstatSync(path);
  assert.deepEqual([(info.mode ?? 0) & 0o7777, info.uid, info.gid], [
    node.mode,
    node.uid,
    node.gid,
  ]);
  if (node.kind === "directory") compareDirectory(path, node, false);
  else if (node.kind === "link") assert.equal(Deno.readLinkSync(path), node.target, path);
  else {
    assert.equal(info.nlink, node.links, path);
    assert.deepEqual(new Uint8Array(Deno.readFileSync(path)), node.content, path);
  }
}
