import assert from "node:assert/strict";
import { open } from "../../mod.ts";
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

testWith({
  name: "kfsctl restore brings back a part, or everything",
  needs: NEEDS,
  fn() {
    using scratch = new Scratch("snapshots");
    const path = scratch.path("image");
    makeImage(path, { size: "64M" });
    const write = (file: string, text: string): void => {
      using image = open(path);
      image.writeTextFile(file, text);
    };
    {
      using image = open(path);
      image.mkdir("/d/e", { recursive: true });
      image.writeFile("/d/sparse", new Uint8Array(10).fill(1));
      image.truncate("/d/sparse", 5_000_000);
      image.writeTextFile("/d/e/f", "then", { mode: 0o640 });
      image.chown("/d/e/f", 1000, 100);
      image.setXattr("/d/e/f", "user.note", "kept");
      image.link("/d/e/f", "/hard");
      image.symlink("d/e/f", "/link");
      image.mknod("/null", { type: "character", major: 1, minor: 3, mode: 0o666 });
      image.utime("/d/e", 1000, 2000);
      image.snapshots.create("s");
    }
    write("/d/e/f", "now");
    write("/later", "now");
    const restore = (...args: string[]) => runCommand("kfsctl", ["restore", path, ...args]);
    assert.equal(
      mustCommand("kfsctl", ["snapshot", "diff", path, "s"]),
      "~ /d/e/f (content)\n~ /hard (content)\n+ /later\n",
    );
    assert.equal(runCommand("kfsctl", ["snapshot", "diff", path, "none"]).code, 1);
    assert.equal(runCommand("kfsctl", ["snapshot", "diff", path]).code, 2);
    assert.equal(restore("--from", "s", "--path", "/d/e/f").code, 0);
    {
      using image = open(path);
      assert.equal(image.readTextFile("/d/e/f"), "then");
      assert.equal(image.readTextFile("/hard"), "now", "another inode since");
      image.mkdir("/copies");
      image.remove("/d", { recursive: true });
    }
    mustBeClean(path);
    assert.equal(restore("--from", "s", "--path", "/d", "--to", "/copies").code, 0);
    const twice = restore("--from", "s", "--path", "/d", "--to", "/copies");
    assert.equal(twice.code, 1);
    assert.match(twice.stderr, /has a d already/);
    assert.equal(restore("--from", "none").code, 1);
    assert.equal(restore("--from", "s", "--path", "/none").code, 1);
    assert.equal(restore("--from", "s", "--to", "/none").code, 1);
    assert.equal(restore("--path", "/d").code, 2);
    {
      using image = open(path);
      assert.equal(image.readTextFile("/copies/d/e/f"), "then");
      assert.deepEqual([...image.readDir("/")].map(({ name }) => name).sort(), [
        "copies",
        "hard",
        "later",
        "link",
        "lost+found",
        "null",
      ]);
    }
    assert.match(restore("--from", "s").stdout, /restored from s/);
    mustBeClean(path);
    using image = open(path);
    using then = image.snapshots.open("s");
    const tree = (from: typeof image): unknown[] =>
      [...from.walk("/")].map(({ path }) => {
        const { mode, uid, gid, size, nlink, mtime, rdev, blocks } = from.lstat(path);
        const kept = path === "/lost+found" ? 0 : mtime;
        return [path, mode, uid, gid, size, nlink, kept, rdev, blocks, from.listXattrs(path)];
      }).sort();
    assert.deepEqual(tree(image), tree(then));
    assert.equal(image.readTextFile("/link"), "then");
    assert.equal(image.stat("/hard").ino, image.stat("/d/e/f").ino);
  },
});
