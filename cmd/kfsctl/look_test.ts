import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { mustCommand, runCommand } from "../../tests/harness/commands.ts";
import { Scratch } from "../../tests/harness/scratch.ts";

/** An image with one node of each kind that can be looked at. */
function made(scratch: Scratch): string {
  const path = scratch.path("image");
  mustCommand("mkfs", ["-q", "-L", "looked-at", path, "16M"]);
  const time = new Date(Date.UTC(2024, 1, 29, 12, 30, 15));
  using image = open(path, { clock: () => ({ seconds: time.getTime() / 1000, nanoseconds: 5 }) });
  image.mkdir("/d", { mode: 0o1777 });
  image.writeTextFile("/d/hello", "hello\n", { mode: 0o640 });
  image.chown("/d/hello", 1000, 100);
  image.symlink("hello", "/d/link");
  image.mknod("/d/null", { type: "character", mode: 0o666, major: 1, minor: 3 });
  image.writeTextFile("/d/.hidden", "");
  image.writeTextFile("/d/evil\x1b[31m", "");
  image.setXattr("/d/hello", "user.note", new TextEncoder().encode("seen"));
  return path;
}

Deno.test("ls shows names, with -l what belongs to them, never what a terminal would obey", () => {
  using scratch = new Scratch("kfsctl-look");
  const path = made(scratch);
  assert.equal(mustCommand("kfsctl", ["ls", path]), "d\nlost+found\n");
  const long = mustCommand("kfsctl", ["ls", "-l", path, "/d"]).split("\n");
  assert.equal(long[0], "-rw-r--r-- 1    0   0    0 2024-02-29 12:30:15 evil\\u{1b}[31m");
  assert.equal(long[1], "-rw-r----- 1 1000 100    6 2024-02-29 12:30:15 hello");
  assert.equal(long[2], "lrwxrwxrwx 1    0   0    5 2024-02-29 12:30:15 link -> hello");
  assert.equal(long[3], "crw-rw-rw- 1    0   0 1, 3 2024-02-29 12:30:15 null");
  const all = JSON.parse(mustCommand("kfsctl", ["ls", "-a", "-R", "--json", path]));
  assert.deepEqual(
    all.map(({ path }: { path: string }) => path),
    ["d", "d/.hidden", "d/evil\x1b[31m", "d/hello", "d/link", "d/null", "lost+found"],
  );
});

Deno.test("cat and stat give content and attributes", () => {
  using scratch = new Scratch("kfsctl-look");
  const path = made(scratch);
  assert.equal(mustCommand("kfsctl", ["cat", path, "d/hello", "/d/hello"]), "hello\nhello\n");
  const text = mustCommand("kfsctl", ["stat", path, "/d/hello"]);
  assert.match(text, /-rw-r----- \(0640\), owner 1000, group 100/);
  assert.match(text, /modified 2024-02-29T12:30:15.000000005Z/);
  assert.match(text, /user.note=seen/);
  const [node] = JSON.parse(mustCommand("kfsctl", ["stat", "--json", path, "/d/null"]));
  assert.deepEqual([node.kind, node.device], ["character device", "1, 3"]);
});

Deno.test("status tells what dumpe2fs tells", () => {
  using scratch = new Scratch("kfsctl-look");
  const path = made(scratch);
  const status = JSON.parse(mustCommand("kfsctl", ["status", "--json", path]));
  assert.deepEqual(
    [status.label, status.bytes, status.inUse, status.hasErrors],
    ["looked-at", 16 << 20, false, false],
  );
  assert.ok(status.features.includes("has_journal") && status.features.includes("extent"));
  const text = mustCommand("kfsctl", ["status", path]);
  assert.match(text, /^label +looked-at$/m);
  assert.match(text, /^state +clean$/m);
});

Deno.test("bad input gets one line and a status", () => {
  using scratch = new Scratch("kfsctl-look");
  const path = made(scratch);
  const cases: [string[], number, RegExp][] = [
    [["ls", path, "/none"], 1, /^kfsctl ls: .*ENOENT|No such file/],
    [["cat", path, "/d"], 1, /^kfsctl cat: /],
    [["cat", path], 2, /^kfsctl cat: wanted: /],
    [["stat", `${path}.none`, "/"], 1, /^kfsctl stat: /],
    [["status", "--nonsense", path], 2, /^kfsctl status: /],
  ];
  for (const [args, status, line] of cases) {
    const done = runCommand("kfsctl", args);
    assert.equal(done.code, status, args.join(" "));
    assert.match(done.stderr, line);
    assert.equal(done.stderr.trim().split("\n").length, 1);
    assert.equal(done.stdout, "");
  }
});
