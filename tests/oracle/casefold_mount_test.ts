/**
 * Directories that disregard case, in a real mount: what the kernel remembers of one spelling must not outlive a change
 * by another.
 *
 * @module
 */

import assert from "node:assert/strict";
import { must } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImageByMke2fs } from "../harness/image.ts";
import { mount, type Mounted } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { programs, testWith } from "../harness/skip.ts";
import { mountNeeds } from "./program_case.ts";

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const listed = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

function spellings(mounted: Mounted): void {
  const folder = mounted.path("d");
  Deno.mkdirSync(folder);
  assert.equal(isThere(`${folder}/before`), false);
  must("chattr", ["+F", folder]);
  Deno.writeTextFileSync(`${folder}/BEFORE`, "");
  assert.ok(isThere(`${folder}/before`), "a name that was missed before the flag was set");

  assert.equal(isThere(`${folder}/Foo`), false);
  Deno.writeTextFileSync(`${folder}/foo`, "1");
  assert.equal(Deno.readTextFileSync(`${folder}/Foo`), "1", "a name that was missed before");
  assert.equal(Deno.statSync(`${folder}/FOO`).ino, Deno.statSync(`${folder}/foo`).ino);
  Deno.writeTextFileSync(`${folder}/FOO`, "22");
  assert.equal(Deno.readTextFileSync(`${folder}/foo`), "22");
  must("ls", ["-l", folder]);
  Deno.removeSync(`${folder}/fOO`);
  for (const name of ["foo", "FOO", "Foo", "fOO"]) {
    assert.equal(isThere(`${folder}/${name}`), false, `${name} is gone`);
  }
  assert.deepEqual(listed(folder), ["BEFORE"]);
}

function directories(mounted: Mounted): void {
  const folder = mounted.path("d");
  Deno.mkdirSync(`${folder}/Sub`);
  Deno.writeTextFileSync(`${folder}/SUB/File`, "x");
  assert.equal(Deno.readTextFileSync(`${folder}/sub/fILE`), "x");
  assert.throws(() => Deno.mkdirSync(`${folder}/sUB`), Deno.errors.AlreadyExists);
  Deno.renameSync(`${folder}/sub`, `${folder}/Moved`);
  assert.equal(isThere(`${folder}/SUB`), false);
  assert.equal(Deno.readTextFileSync(`${folder}/MOVED/FILE`), "x");
  Deno.renameSync(`${folder}/moved/file`, mounted.path("Out"));
  assert.equal(isThere(`${folder}/Moved/File`), false);
  assert.equal(isThere(mounted.path("out")), false, "outside case counts");
  Deno.removeSync(`${folder}/mOVED`);
  assert.equal(isThere(`${folder}/Moved`), false);
}

testWith({
  name: "a mounted directory that disregards case",
  needs: [...mountNeeds, programs("mke2fs", "chattr")],
  fn() {
    using scratch = new Scratch("casefold");
    const image = scratch.path("image");
    makeImageByMke2fs(image, { size: "64M", options: ["-t", "ext4", "-O", "casefold"] });
    {
      using mounted = mount("kfs", image, scratch.path("mnt"));
      spellings(mounted);
      directories(mounted);
      const folder = mounted.path("d");
      for (let i = 0; i < 800; i++) Deno.writeTextFileSync(`${folder}/Größe ${i}`, "");
      for (let i = 0; i < 800; i++) assert.ok(isThere(`${folder}/GRÖSSE ${i}`));
      assert.equal(listed(folder).length, 801);
      must("mv", ["-T", `${folder}/größe 1`, `${folder}/elsewhere`]);
      assert.equal(isThere(`${folder}/GRÖSSE 1`), false);
    }
    mustBeClean(image);
    const names = must("debugfs", ["-R", "ls -p /d", image]);
    assert.equal(names.match(/Größe \d+/g)?.length, 799);
    using again = mount("kfs", image, scratch.path("mnt"), { options: ["ro"] });
    assert.ok(isThere(again.path("d/größe 7")));
  },
});
