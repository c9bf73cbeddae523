import assert from "node:assert/strict";
import { command, mustCommand, runCommand } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import { mount } from "../harness/mount.ts";
import { run } from "../../tools/process.ts";
import { Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, testWith } from "../harness/skip.ts";

const NEEDS: readonly Need[] = [
  command("mkfs"),
  command("kfs"),
  command("kfsctl"),
  fuse,
  programs("e2fsck"),
];

interface Row {
  readonly name: string;
  readonly damaged: boolean;
  readonly held?: number;
  readonly alone?: number;
}

function snapshot(...args: string[]): Row[] {
  return JSON.parse(mustCommand("kfsctl", ["snapshot", ...args, "--json"]));
}

testWith({
  name: "kfsctl snapshot works on mounts and images, and kfs shows what is in one",
  needs: NEEDS,
  fn() {
    using scratch = new Scratch("snapshots");
    const image = scratch.path("image");
    makeImage(image, { size: "64M" });
    {
      using mounted = mount("kfs", image, scratch.path("mnt"));
      Deno.writeTextFileSync(mounted.path("file"), "one");
      Deno.mkdirSync(mounted.path("folder"));
      Deno.writeFileSync(mounted.path("folder/large"), new Uint8Array(3_000_000).fill(1));
      assert.equal(snapshot("create", mounted.mountpoint, "first")[0]?.name, "first");
      Deno.writeTextFileSync(mounted.path("file"), "two");
      Deno.removeSync(mounted.path("folder"), { recursive: true });
      snapshot("create", mounted.path("file"), "second");
      const [first, second] = snapshot("show", image);
      assert.ok((first?.held ?? 0) >= 3_000_000, "content that was removed");
      assert.ok((second?.held ?? Infinity) < 500_000);
      assert.deepEqual([...Deno.readDirSync(mounted.mountpoint)].map(({ name }) => name).sort(), [
        "file",
        "lost+found",
      ]);
      const twice = runCommand("kfsctl", ["snapshot", "create", mounted.mountpoint, "first"]);
      assert.equal(twice.code, 1);
      assert.match(twice.stderr, /there is a snapshot first already/);
      mounted.unmount();
    }
    mustBeClean(image);
    {
      using old = mount("kfs", image, scratch.path("mnt"), { options: ["snapshot=first"] });
      assert.equal(Deno.readTextFileSync(old.path("file")), "one");
      assert.equal(Deno.statSync(old.path("folder/large")).size, 3_000_000);
      assert.throws(() => Deno.writeTextFileSync(old.path("file"), "x"), /Read-only/);
      old.unmount();
    }
    const none = runCommand("kfs", ["-o", "snapshot=none", image, scratch.path("mnt")]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /there is no snapshot none/);
    for (const bad of ["snapshot", "snapshot=", "snapshot_full=perhaps"]) {
      assert.notEqual(runCommand("kfs", ["-o", bad, image, scratch.path("mnt")]).code, 0, bad);
    }
    snapshot("rename", image, "first", "renamed");
    assert.deepEqual(snapshot("list", image).map(({ name }) => name), ["renamed", "second"]);
    assert.equal(runCommand("kfsctl", ["snapshot", "delete", image, "second", "none"]).code, 1);
    assert.equal(snapshot("list", image).length, 2, "nothing is deleted when one is not there");
    assert.equal(runCommand("kfsctl", ["snapshot", "make", image, "x"]).code, 2);
    assert.equal(runCommand("kfsctl", ["snapshot", "create", image]).code, 2);
    {
      using mounted = mount("kfs", image, scratch.path("mnt"));
      mustCommand("kfsctl", ["snapshot", "delete", mounted.mountpoint, "renamed", "second"]);
      assert.equal(mustCommand("kfsctl", ["snapshot", "list", image]), "no snapshots\n");
      mounted.unmount();
    }
    mustBeClean(image);
  },
});

/** Runs a program that must succeed. */
function program(name: string, ...args: string[]): string {
  const done = run(name, args);
  assert.equal(done.code, 0, `${name} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

testWith({
  name: "a mount shows its snapshots in .snapshots, to those who ask for it by name",
  needs: [...NEEDS, programs("cp", "diff", "find")],
  fn() {
    using scratch = new Scratch("snapshots");
    const image = scratch.path("image");
    makeImage(image, { size: "64M" });
    using mounted = mount("kfs", image, scratch.path("mnt"));
    const tree = mounted.path("tree");
    assert.throws(() => Deno.statSync(mounted.path(".snapshots")), Deno.errors.NotFound);
    program("cp", "-a", "docs", tree);
    Deno.symlinkSync("docs.md", `${tree}/link`);
    Deno.linkSync(`${tree}/kfs.md`, `${tree}/hard`);
    const before = scratch.path("before");
    program("cp", "-a", tree, before);
    mustCommand("kfsctl", ["snapshot", "create", mounted.mountpoint, "one"]);
    for (const { name } of Deno.readDirSync(tree)) {
      if (name.endsWith(".md")) Deno.writeTextFileSync(`${tree}/${name}`, "changed");
    }
    mustCommand("kfsctl", ["snapshot", "create", mounted.mountpoint, "two"]);
    Deno.removeSync(tree, { recursive: true });
    const one = mounted.path(".snapshots/one");
    program("diff", "-r", "--no-dereference", before, `${one}/tree`);
    program("cp", "-a", `${one}/tree`, mounted.path("back"));
    program("diff", "-r", "--no-dereference", before, mounted.path("back"));
    assert.equal(Deno.readTextFileSync(mounted.path(".snapshots/two/tree/kfs.md")), "changed");
    const names = (path: string): string[] => [...Deno.readDirSync(path)].map((e) => e.name).sort();
    assert.deepEqual(names(mounted.mountpoint), ["back", "lost+found"]);
    assert.deepEqual(names(mounted.path(".snapshots")), ["one", "two"]);
    assert.deepEqual(names(one), ["lost+found", "tree"]);
    const found = program("find", mounted.path(".snapshots"), "-name", "hard");
    assert.equal(found.trim().split("\n").length, 2);
    const inode = Deno.statSync(`${one}/tree/hard`).ino;
    assert.equal(inode, Deno.statSync(`${one}/tree/kfs.md`).ino);
    const refused: readonly (() => void)[] = [
      () => Deno.writeTextFileSync(`${one}/tree/kfs.md`, "x"),
      () => Deno.removeSync(`${one}/tree/kfs.md`),
      () => Deno.mkdirSync(`${one}/new`),
      () => Deno.mkdirSync(mounted.path(".snapshots/new")),
      () => Deno.renameSync(`${one}/tree/kfs.md`, mounted.path("moved")),
      () => Deno.renameSync(mounted.path("back"), `${one}/back`),
      () => Deno.chmodSync(`${one}/tree`, 0o700),
      () => Deno.truncateSync(`${one}/tree/kfs.md`),
    ];
    for (const work of refused) assert.throws(work, String(work));
    assert.throws(() => Deno.statSync(mounted.path(".snapshots/none")), Deno.errors.NotFound);
    mustCommand("kfsctl", ["snapshot", "rename", mounted.mountpoint, "one", "uno"]);
    assert.throws(() => Deno.statSync(one), Deno.errors.NotFound);
    program("diff", "-r", "--no-dereference", before, mounted.path(".snapshots/uno/tree"));
    mustCommand("kfsctl", ["snapshot", "delete", mounted.mountpoint, "two", "uno"]);
    assert.throws(() => Deno.statSync(mounted.path(".snapshots/uno")), Deno.errors.NotFound);
    program("diff", "-r", "--no-dereference", before, mounted.path("back"));
    mounted.unmount();
    mustBeClean(image);
  },
});
