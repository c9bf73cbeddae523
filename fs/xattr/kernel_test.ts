/**
 * Attributes that the kernel and debugfs wrote are read here, and changed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { programs, root, testWith } from "../../tests/harness/skip.ts";
import { runTool } from "../layout/testing.ts";
import { InodeFlag } from "../layout/inode.ts";
import { xattrRefcount } from "../layout/xattr.ts";
import { loadBlock } from "./block.ts";
import {
  assertClean,
  inodeNumber,
  kernelXattrs,
  latin1,
  loopDevices,
  makeImage,
  TestVolume,
  withImageDir,
  withKernelMount,
} from "./testing.ts";
import { resolveName } from "./name.ts";
import { removeAll, set } from "./xattr.ts";

const KINDS: readonly (readonly string[])[] = [
  [],
  ["-I", "128"],
  ["-I", "512", "-b", "1024"],
  ["-I", "1024", "-O", "^metadata_csum"],
  ["-O", "ea_inode"],
  ["-O", "ea_inode,inline_data", "-b", "1024"],
];

const E2FSPROGS = programs("mke2fs", "debugfs", "e2fsck");
const ATTR = programs("setfattr", "getfattr", "mount");

function hex(text: string): string {
  let digits = "0x";
  for (const char of text) digits += char.charCodeAt(0).toString(16).padStart(2, "0");
  return digits;
}

function setName(volume: TestVolume, ino: number, fullName: string, value: string): number {
  const name = resolveName(latin1(fullName));
  assert.ok(typeof name !== "number");
  const inode = volume.inode(ino);
  return volume.change((handle) =>
    set(volume.alloc, handle, inode, name.index, name.suffix, latin1(value), 0, true)
  );
}

/** Random attributes on files of a mounted image, by the kernel. */
function kernelWrites(random: Random, mountPoint: string, large: boolean): void {
  for (let file = 0; file < 6; file++) {
    const path = `${mountPoint}/file${file}`;
    Deno.writeTextFileSync(path, "x");
    // A common set, so that blocks are shared.
    for (const name of ["user.common", "trusted.common"]) {
      runTool("setfattr", ["-n", name, "-v", hex("same value ".repeat(20)), path]);
    }
    for (let count = random.below(5); count > 0; count--) {
      const name = `${random.pick(["user", "trusted", "security"])}.n${random.below(9)}`;
      const limit = large && random.chance(30) ? 60000 : 300;
      const value = hex("v".repeat(random.below(limit)));
      try {
        runTool("setfattr", ["-n", name, "-v", value, path]);
      } catch {
        // No room for it.
      }
    }
  }
}

for (const args of KINDS) {
  const large = args.some((arg) => arg.includes("ea_inode"));
  testWith({
    name: `attributes written by the kernel: mke2fs ${args.join(" ")}`,
    needs: [E2FSPROGS, ATTR, root, loopDevices],
    fn: () => withImageDir((dir) => kernelToHereAndBack(dir, args, large)),
  });
}

function kernelToHereAndBack(dir: string, args: readonly string[], large: boolean): void {
  const path = `${dir}/image`;
  makeImage(path, args);
  const random = new Random(printedSeed(`xattr kernel, ${args.join(" ")}`));
  const files = [0, 1, 2, 3, 4, 5].map((i) => `file${i}`);
  const wanted: Map<string, string>[] = [];
  withKernelMount(path, (mountPoint) => {
    kernelWrites(random, mountPoint, large);
    for (const file of files) wanted.push(kernelXattrs(`${mountPoint}/${file}`));
  });
  const volume = new TestVolume(path);
  files.forEach((file, i) => {
    const ino = inodeNumber(path, `/${file}`);
    const attributes = wanted[i] ?? new Map<string, string>();
    assert.deepEqual(volume.names(ino).toSorted(), [...attributes.keys()].toSorted());
    for (const [name, value] of attributes) assert.ok(volume.value(ino, name) === value, name);
    if (i === 0) {
      volume.change((handle) => {
        removeAll(volume.alloc, handle, volume.inode(ino));
        return 0;
      });
      attributes.clear();
    } else if (i < 4 && setName(volume, ino, "user.common", "changed") === 0) {
      attributes.set("user.common", "changed");
    }
  });
  volume.save();
  assertClean(path, args.join(" "));
  withKernelMount(path, (mountPoint) => {
    files.forEach((file, i) => {
      assert.deepEqual(kernelXattrs(`${mountPoint}/${file}`), wanted[i]);
      runTool("setfattr", ["-n", "user.common", "-v", "0x61", `${mountPoint}/${file}`]);
    });
  });
  assertClean(path, "after the kernel changed it again");
}

function repair(path: string): void {
  const { code } = new Deno.Command("e2fsck", {
    args: ["-fy", path],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  assert.ok(code < 2, `e2fsck: status ${code}`);
}

testWith({
  name: "attributes written by debugfs",
  needs: [E2FSPROGS],
  fn: () =>
    withImageDir((dir) => {
      for (const args of [[], ["-I", "128"], ["-O", "ea_inode"]]) {
        const path = `${dir}/image`;
        Deno.writeTextFileSync(
          `${dir}/large`,
          "0123456789".repeat(args.includes("ea_inode") ? 600 : 50),
        );
        makeImage(path, args, [
          `write ${dir}/large /f`,
          "ea_set /f user.short abc",
          `ea_set -f ${dir}/large /f user.large`,
          "ea_set /f security.selinux system_u",
          "ea_set /f trusted.overlay.opaque y",
        ]);
        // debugfs does not count values with inodes of their own in i_blocks.
        if (args.includes("ea_inode")) repair(path);
        const volume = new TestVolume(path);
        const ino = inodeNumber(path, "/f");
        assert.equal(volume.value(ino, "user.short"), "abc");
        // debugfs takes no more than a block of a file.
        const large = Deno.readTextFileSync(`${dir}/large`).slice(0, 4096);
        assert.ok(volume.value(ino, "user.large") === large);
        assert.equal(volume.value(ino, "security.selinux"), "system_u");
        assert.equal(volume.value(ino, "trusted.overlay.opaque"), "y");
        assert.equal(volume.value(ino, "user.none"), undefined);
        assert.equal(setName(volume, ino, "user.short", "longer than it was"), 0);
        volume.save();
        assertClean(path, args.join(" "));
      }
    }),
});

testWith({
  name: "inodes with equal attributes share their block",
  needs: [E2FSPROGS],
  fn: () =>
    withImageDir((dir) => {
      const path = `${dir}/image`;
      const names = Array.from({ length: 20 }, (_, i) => `/f${i}`);
      Deno.writeTextFileSync(`${dir}/source`, "");
      makeImage(path, ["-I", "128"], names.map((name) => `write ${dir}/source ${name}`));
      const volume = new TestVolume(path);
      const inodes = names.map((name) => volume.inode(inodeNumber(path, name)));
      for (const inode of inodes) {
        assert.equal(setName(volume, inode.ino, "user.a", "equal"), 0);
        assert.equal(setName(volume, inode.ino, "user.b", "as well"), 0);
      }
      const block = inodes[0]?.fileAcl ?? 0;
      assert.ok(inodes.every((inode) => inode.fileAcl === block));
      assert.equal(xattrRefcount(loadBlock(volume.alloc, block).view), 20);
      assert.equal(setName(volume, inodes[0]?.ino ?? 0, "user.b", "differs"), 0);
      assert.notEqual(inodes[0]?.fileAcl, block);
      assert.equal(xattrRefcount(loadBlock(volume.alloc, block).view), 19);
      volume.save();
      assertClean(path);
    }),
});

testWith({
  name: "a large value that several files have is stored once",
  needs: [E2FSPROGS],
  fn: () =>
    withImageDir((dir) => {
      const path = `${dir}/image`;
      Deno.writeTextFileSync(`${dir}/source`, "");
      makeImage(path, ["-O", "ea_inode"], ["a", "b"].map((name) => `write ${dir}/source /${name}`));
      const volume = new TestVolume(path);
      const [a, b] = [inodeNumber(path, "/a"), inodeNumber(path, "/b")];
      const free = volume.volume.groups.totalFreeInodes;
      const value = "large".repeat(10000);
      assert.equal(setName(volume, a, "user.v", value), 0);
      assert.equal(setName(volume, b, "user.other", value), 0);
      assert.equal(volume.volume.groups.totalFreeInodes, free - 1);
      volume.save();
      assertClean(path);
      const again = new TestVolume(path);
      assert.ok(again.value(b, "user.other") === value);
      assert.equal(setName(again, a, "user.v", "small"), 0);
      assert.ok(again.value(b, "user.other") === value);
      assert.equal(setName(again, b, "user.other", "small"), 0);
      assert.equal(again.volume.groups.totalFreeInodes, free);
      again.save();
      assertClean(path);
      const values = [...again.volume.inodes.values()].filter((i) => i.has(InodeFlag.EA_INODE));
      assert.ok(values.every((inode) => inode.links === 0));
    }),
});
