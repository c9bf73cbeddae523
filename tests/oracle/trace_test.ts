import assert from "node:assert/strict";
import { command, commandLine, mustCommand, runCommand } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImage } from "../harness/image.ts";
import { mount } from "../harness/mount.ts";
import { sleepSync } from "../harness/released.ts";
import { Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, testWith } from "../harness/skip.ts";

const NEEDS: readonly Need[] = [
  command("mkfs"),
  command("kfs"),
  command("kfsctl"),
  fuse,
  programs("e2fsck"),
];

/** Every path below `folder`, with the sizes of files. */
function treeOf(folder: string, below = ""): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(`${folder}/${below}`)) {
    const path = `${below}${name}`;
    const { size } = Deno.lstatSync(`${folder}/${path}`);
    found.push(isDirectory ? path : `${path} ${size}`);
    if (isDirectory) found.push(...treeOf(folder, `${path}/`));
  }
  return found.sort();
}

function work(folder: string): void {
  Deno.mkdirSync(`${folder}/d/e`, { recursive: true });
  for (let index = 0; index < 20; index++) {
    Deno.writeFileSync(`${folder}/d/e/f${index}`, new Uint8Array(1000 * index));
  }
  Deno.renameSync(`${folder}/d/e/f1`, `${folder}/d/moved`);
  Deno.renameSync(`${folder}/d/e`, `${folder}/e`);
  Deno.removeSync(`${folder}/e/f2`);
  Deno.truncateSync(`${folder}/e/f3`, 77);
  Deno.chmodSync(`${folder}/e/f4`, 0o600);
  Deno.symlinkSync("nowhere", `${folder}/link`);
  Deno.linkSync(`${folder}/e/f5`, `${folder}/hard`);
  Deno.writeFileSync(`${folder}/old/new`, new Uint8Array(5));
  using file = Deno.openSync(`${folder}/e/f6`, { write: true, read: true });
  file.syncSync();
}

testWith({
  name: "a trace is recorded, told of, and replayed to the same tree",
  needs: NEEDS,
  async fn() {
    using scratch = new Scratch("trace");
    const [first, second] = [scratch.path("first"), scratch.path("second")];
    for (const image of [first, second]) makeImage(image, { size: "16M" });
    using mounted = mount("kfs", first, scratch.path("mnt"));
    using other = mount("kfs", second, scratch.path("other"));
    for (const folder of [mounted, other]) Deno.mkdirSync(folder.path("old"));
    const file = scratch.path("trace");
    const [program, ...words] = commandLine("kfsctl");
    const args = [...words, "trace", "-o", file, mounted.mountpoint];
    const recording = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn();
    for (let tries = 0; tries < 200 && !hasBegun(file); tries++) sleepSync(50);
    work(mounted.mountpoint);
    recording.kill("SIGINT");
    const { code, stderr } = await recording.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const summary = JSON.parse(mustCommand("kfsctl", ["trace", "summary", "--json", file]));
    const made = summary.operations.find(({ name }: { name: string }) => name === "CREATE");
    assert.equal(made.count, 21);
    assert.equal(summary.lost, 0);
    assert.match(mustCommand("kfsctl", ["trace", "summary", file]), /busiest files/);
    const replayed = mustCommand("kfsctl", ["trace", "replay", "--json", file, other.mountpoint]);
    const { different, skipped } = JSON.parse(replayed);
    assert.deepEqual([different, skipped], [{}, {}]);
    assert.deepEqual(treeOf(other.mountpoint), treeOf(mounted.mountpoint));
    mounted.unmount();
    other.unmount();
    mustBeClean(second);
  },
});

/** Whether the first line is there: the trace has begun. */
function hasBegun(file: string): boolean {
  try {
    return Deno.statSync(file).size > 0;
  } catch {
    return false;
  }
}

Deno.test("a trace that leads out of the directory, or is none, does no harm", () => {
  using scratch = new Scratch("trace");
  const [file, folder] = [scratch.path("trace"), scratch.makeFolder("folder")];
  const head = { kfsTrace: 1, started: "", image: "", mountPoint: "" };
  const line = { at: 0, node: 1, result: 0, took: 1, callerUid: 0, callerPid: 0 };
  const lines = [
    { ...line, operation: "MKDIR", name: "../escaped", mode: 0o755 },
    { ...line, operation: "MKDIR", name: "..", mode: 0o755 },
    { ...line, operation: "SYMLINK", name: "out", target: "../..", found: 5 },
    { ...line, operation: "MKDIR", node: 5, name: "escaped", mode: 0o755 },
    { ...line, operation: "CREATE", node: 7, name: "escaped", mode: 0o644 },
    { ...line, operation: "LOOKUP", name: "loop", found: 9 },
    { ...line, operation: "LOOKUP", node: 9, name: "loop", found: 9 },
    { ...line, operation: "MKNOD", name: "null", mode: 0o020666, rdev: 0x103 },
    { ...line, operation: "toString" },
  ];
  const tail = { ended: "", microseconds: 1, lost: 0, paths: { "7": "/../.." } };
  const text = [head, ...lines, tail].map((value) => JSON.stringify(value)).join("\n");
  Deno.writeTextFileSync(file, text);
  mustCommand("kfsctl", ["trace", "replay", file, folder]);
  // The link's target is looked for below the directory.
  assert.deepEqual(treeOf(folder), ["escaped", "null 0", "out 5"]);
  assert.ok(Deno.lstatSync(`${folder}/null`).isFile);
  assert.deepEqual(
    treeOf(scratch.path(".")).filter((path) => /^(?!folder\/).*escaped/.test(path)),
    [],
  );
  for (
    const bad of ["", "x", "[]", "{}", '{"kfsTrace":9}', `${JSON.stringify(head)}\n{"at":"x"}`]
  ) {
    Deno.writeTextFileSync(file, bad);
    const done = runCommand("kfsctl", ["trace", "summary", file]);
    assert.notEqual(done.code, 0, bad);
    assert.equal(done.stderr.trim().split("\n").length, 1, done.stderr);
    assert.doesNotMatch(done.stderr, /internal error/);
  }
});
