import assert from "node:assert/strict";
import { main as kfsctl } from "../../../cmd/kfsctl.ts";
import { must, runCommand } from "../../harness/commands.ts";
import * as libc from "../../harness/libc.ts";
import { testWith } from "../../harness/skip.ts";
import { mustBeSameTree, takeTree, type Tree } from "../../harness/tree.ts";
import { made, makeTree, program, TREE_NEEDS, withFolder } from "./kit.ts";

const ATTRIBUTES = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];

/** Unpacks by GNU tar. */
function unpacked(archive: string, folder: string): Tree {
  Deno.mkdirSync(folder);
  must("tar", ["-xpf", archive, "-C", folder, ...ATTRIBUTES]);
  return takeTree(libc.toByteString(folder));
}

async function roundTrip(folder: string, name: string, packing: readonly string[]): Promise<void> {
  const archive = `${folder}/${name}.tar`;
  must("tar", ["-cf", archive, "-C", `${folder}/tree`, ...packing, "."]);
  const image = `${folder}/${name}.img`;
  await made(image, "--verify", "--from", archive, image);
  const back = `${folder}/${name}.back.tar`;
  assert.equal(await kfsctl(["get", "--all", "--tar", image, "-o", back]), 0);
  const expected = unpacked(archive, `${folder}/${name}.a`);
  const found = unpacked(back, `${folder}/${name}.b`);
  mustBeSameTree(expected, found, `${name}: GNU tar (left), through an image (right)`);
  Deno.removeSync(`${folder}/${name}.a`, { recursive: true });
  Deno.removeSync(`${folder}/${name}.b`, { recursive: true });
}

testWith({
  name: "tar archives of all dialects come back from an image as they were",
  needs: TREE_NEEDS,
  fn: () =>
    withFolder(async (folder) => {
      makeTree(`${folder}/tree`);
      const pax = ["--format=posix", ...ATTRIBUTES];
      await roundTrip(folder, "pax", pax);
      for (const version of ["0.0", "0.1", "1.0"]) {
        await roundTrip(folder, `sparse${version}`, [...pax, "-S", `--sparse-version=${version}`]);
      }
      await roundTrip(folder, "gnu", ["--format=gnu", "-S"]);
      const small = ["--exclude=./d*", "--exclude=./etc/empty", "--exclude=./etc/conf.d"];
      await roundTrip(folder, "ustar", ["--format=ustar", ...small]);
      await roundTrip(folder, "v7", ["--format=v7", ...small, "--exclude=./[npw]*"]);
    }),
});

testWith({
  name: "holes of archives are holes in the image and in the archive that comes back",
  needs: TREE_NEEDS,
  fn: () =>
    withFolder(async (folder) => {
      makeTree(`${folder}/tree`);
      const image = `${folder}/image`;
      await made(image, "--from", `${folder}/tree`, image);
      const back = `${folder}/back.tar`;
      assert.equal(await kfsctl(["get", "--all", "--tar", image, "-o", back]), 0);
      assert.ok(Deno.statSync(back).size < 2 << 20);
      Deno.mkdirSync(`${folder}/out`);
      must("tar", ["-xf", back, "-C", `${folder}/out`, ...ATTRIBUTES]);
      const tree = (name: string): Tree => takeTree(libc.toByteString(`${folder}/${name}`));
      // The root of an image belongs to root, whoever owns the directory that it is filled from.
      const without = (all: Tree): Tree => new Map([...all].filter(([path]) => path !== "."));
      mustBeSameTree(without(tree("tree")), without(tree("out")), "directory, through an image");
      assert.ok((Deno.statSync(`${folder}/out/sparse`).blocks ?? 0) * 512 < 1 << 20);
    }),
});

testWith({
  name: "packed archives and streams are taken",
  needs: [...TREE_NEEDS, program("gzip"), program("zstd")],
  fn: () =>
    withFolder(async (folder) => {
      makeTree(`${folder}/tree`);
      const archive = `${folder}/a.tar`;
      must("tar", ["-cf", archive, "-C", `${folder}/tree`, "--format=posix", ...ATTRIBUTES, "."]);
      must("gzip", ["-k", archive]);
      must("zstd", ["-q", archive]);
      const images = ["", ".gz", ".zst"].map(async (suffix) => {
        const image = `${folder}/image${suffix}`;
        const options = ["--reproducible", "--verify", "--from", `${archive}${suffix}`];
        await made(image, ...options, image);
        return Deno.readFileSync(image);
      });
      const [plain, gzip, zstd] = await Promise.all(images);
      assert.deepEqual(gzip, plain);
      assert.deepEqual(zstd, plain);
      const script = `cat '${archive}.zst' | "$@" --reproducible --from - '${folder}/piped'`;
      const command = [Deno.execPath(), "run", "-A", "--no-check"];
      const mkfs = new URL("../../../cmd/mkfs.ts", import.meta.url).pathname;
      must("sh", ["-c", script, "sh", ...command, mkfs, "-q"]);
      assert.deepEqual(Deno.readFileSync(`${folder}/piped`), plain);
      const json = runCommand("kfsctl", ["get", "--all", `${folder}/piped`]);
      assert.equal(json.code, 2);
      assert.match(json.stderr, /--all and --tar go together/);
    }),
});
