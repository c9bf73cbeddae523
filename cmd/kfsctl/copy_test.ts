import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { must, mustCommand, runCommand } from "../../tests/harness/commands.ts";
import { Scratch } from "../../tests/harness/scratch.ts";
import { testWith } from "../../tests/harness/skip.ts";
import { findProgram } from "../../tools/process.ts";
import { main } from "../kfsctl.ts";

const program = (name: string) => () =>
  findProgram(name) === undefined ? `${name} is not installed` : undefined;
const root = () => Deno.uid() === 0 ? undefined : "needs root";

/** One of everything. */
const TREE = `
set -e
mkdir -p dir/sub
echo hello > file
: > empty
head -c 3000000 /dev/urandom > large
truncate -s 100M sparse
printf data | dd of=sparse bs=1M seek=50 conv=notrunc status=none
ln file dir/hardlink
ln -s target short
ln -s "$(printf 'x%.0s' $(seq 200))" long
printf x > "$(printf 'not\\377utf8')"
mkfifo fifo
mknod null c 1 3
mknod wide b 259 70000
chown 1000:1001 dir/sub
chmod 3775 dir/sub
chown 77 empty
chmod 4711 empty
chmod 000 long.mode 2> /dev/null || printf y > long.mode
touch -d '2040-01-02 03:04:05.123456789' file
touch -h -d '1960-01-02 03:04:05' short
touch -d '2001-01-01 00:00:00' dir/sub dir
`;

const ATTRIBUTES = `
setfattr -n user.note -v value file
setfattr -n trusted.mark -v mark dir
setfacl -m u:55:rw large
setfacl -d -m u:77:rwx dir/sub
touch -d '2002-01-01 00:00:00Z' .
`;

/** Everything that can be seen of a tree, sorted. */
function seen(folder: string): string {
  const format = "%p %y %m %U %G %n %T@ %l %s\\n";
  const script =
    `cd '${folder}' && find . -printf '${format}' | sed -E 's/^(.* d .* )[0-9]+$/\\1/' | ` +
    "sort; find . ! -type l | sort | xargs -d '\\n' getfattr -d -m - --absolute-names; " +
    "find . -type f | sort | xargs -d '\\n' md5sum";
  return must("sh", ["-c", script]);
}

testWith({
  name: "a tree that is put and got again is the same in everything",
  needs: [root, program("setfattr"), program("setfacl"), program("e2fsck")],
  fn: async () => {
    using scratch = new Scratch("kfsctl-copy");
    const [tree, image, back] = ["tree", "image", "back"].map((name) => scratch.path(name));
    Deno.mkdirSync(tree ?? "");
    must("sh", ["-c", `cd '${tree}' && ${TREE}${ATTRIBUTES}`]);
    mustCommand("mkfs", ["-q", "-b", "4096", image ?? "", "64M"]);
    assert.equal(await main(["put", "-rp", image ?? "", `${tree}/.`, "/"]), 0);
    must("e2fsck", ["-fn", image ?? ""]);
    assert.equal(await main(["get", "-rp", image ?? "", "/", back ?? ""]), 0);
    assert.equal(Deno.statSync(back ?? "").mtime?.getTime(), Date.UTC(2002, 0, 1));
    Deno.removeSync(`${back}/lost+found`);
    must("touch", ["-r", tree ?? "", back ?? ""]);
    assert.equal(seen(back ?? ""), seen(tree ?? ""));
    const sparse = Deno.statSync(`${back}/sparse`);
    assert.ok((sparse.blocks ?? 0) * 512 <= 64 << 10, `${sparse.blocks} sectors`);
    // Once more, over what is there: nothing is doubled, nothing left behind.
    assert.equal(await main(["get", "-rp", image ?? "", "/.", back ?? ""]), 0);
    assert.equal(Deno.statSync(back ?? "").mtime?.getTime(), Date.UTC(2002, 0, 1));
    Deno.removeSync(`${back}/lost+found`);
    must("touch", ["-r", tree ?? "", back ?? ""]);
    assert.equal(seen(back ?? ""), seen(tree ?? ""));
    assert.equal(await main(["put", "-rp", image ?? "", `${tree}/.`, "/"]), 0);
    must("e2fsck", ["-fn", image ?? ""]);
  },
});

Deno.test("get and put name copies as cp does", async () => {
  using scratch = new Scratch("kfsctl-copy");
  const image = scratch.path("image");
  mustCommand("mkfs", ["-q", image, "16M"]);
  const host = (name: string): string => scratch.path(name);
  Deno.writeTextFileSync(host("a"), "a", { mode: 0o640 });
  Deno.writeTextFileSync(host("b"), "b");
  Deno.mkdirSync(host("d"));
  Deno.writeTextFileSync(host("d/in"), "in");
  Deno.symlinkSync("a", host("link"));
  const put = async (...args: string[]) => assert.equal(await main(["put", image, ...args]), 0);
  await put(host("a"), "/new");
  await put(host("link"), host("b"), "/");
  await put("-r", host("d"), "/made");
  await put("-r", "--owner", "12:34", host("d"), host("link"), "made");
  await put("-r", `${host("d")}/.`, "/contents");
  // What is replaced keeps its other names and content until the new file is whole.
  await put(host("b"), "/new");
  {
    using opened = open(image, { readOnly: true });
    assert.equal(opened.readTextFile("/new"), "b");
    assert.equal(opened.lstat("/link").isFile, true);
    assert.equal(opened.readLink("/made/link"), "a");
    assert.equal(opened.readTextFile("/made/in"), "in");
    assert.equal(opened.readTextFile("/contents/in"), "in");
    const { uid, gid } = opened.stat("/made/d/in");
    assert.deepEqual([uid, gid], [12, 34]);
    assert.equal(opened.stat("/link").mode & 0o777, 0o640);
    assert.deepEqual([...opened.walk("/")].filter(({ name }) => name.startsWith(".")), []);
  }
  const get = async (...args: string[]) => assert.equal(await main(["get", ...args]), 0);
  await get(image, "new", host("out"));
  assert.equal(Deno.readTextFileSync(host("out")), "b");
  await get("-r", image, "/made", "/b", host("d"));
  assert.equal(Deno.readTextFileSync(host("d/made/d/in")), "in");
  assert.equal(Deno.readLinkSync(host("d/made/link")), "a");
});

Deno.test("get and put refuse what cannot be done in one line, and do nothing", () => {
  using scratch = new Scratch("kfsctl-copy");
  const image = scratch.path("image");
  mustCommand("mkfs", ["-q", image, "16M"]);
  const file = scratch.path("file");
  Deno.writeTextFileSync(file, "text");
  const folder = scratch.path("folder");
  Deno.mkdirSync(folder);
  Deno.symlinkSync("/", `${folder}/lost+found`);
  const cases: [string[], number, RegExp][] = [
    [["put", image, file], 2, /wanted: /],
    [["put", image, `${file}.none`, "/"], 1, /none/],
    [["put", image, folder, "/"], 2, /-r copies it/],
    [["put", image, file, "/none/name"], 2, /\/none is no directory/],
    [["put", image, file, file, "/none"], 2, /\/none is not there/],
    [["put", "--owner", "me", image, file, "/"], 2, /--owner/],
    [["get", image, "/lost+found", folder], 2, /-r copies it/],
    [["get", image, "/none", folder], 1, /none/],
    // A link in the way is not followed out of the destination.
    [["get", "-r", image, "/", folder], 2, /lost\+found is there, and is no directory/],
  ];
  for (const [args, status, line] of cases) {
    const done = runCommand("kfsctl", args);
    assert.match(done.stderr, line, args.join(" "));
    assert.equal(done.code, status, args.join(" "));
    assert.equal(done.stderr.trim().split("\n").length, 1);
    assert.equal(done.stdout, "");
  }
  using opened = open(image, { readOnly: true });
  assert.deepEqual([...opened.walk("/")].map(({ path }) => path), ["/lost+found"]);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["lost+found"]);
});
