import assert from "node:assert/strict";
import { findProgram } from "../../tools/process.ts";
import { testWith } from "../../tests/harness/skip.ts";

const decoder = new TextDecoder();
const MKFS = new URL("../mkfs.ts", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[]): Outcome {
  const { code, stdout, stderr } = new Deno.Command(program, { args: [...args], stdin: "null" })
    .outputSync();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const mkfs = (...args: string[]): Outcome =>
  run(Deno.execPath(), ["run", "-A", "--no-check", MKFS, ...args]);

function withFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "kfs_mkfs_" });
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function refused(outcome: Outcome, pattern: RegExp): void {
  assert.equal(outcome.code, 1);
  assert.equal(outcome.stdout, "");
  assert.match(outcome.stderr, /^mkfs: [^\n]+\n$/);
  assert.match(outcome.stderr, pattern);
}

const program = (name: string) => () =>
  findProgram(name) === undefined ? `${name} is not installed` : undefined;
const root = () => Deno.uid() === 0 ? undefined : "needs root";
const loop = () => {
  try {
    Deno.statSync("/dev/loop-control");
    return undefined;
  } catch {
    return "no loop devices here";
  }
};

Deno.test("SIZE makes the file, sparse; -F and SIZE format it again", () => {
  withFolder((folder) => {
    const image = `${folder}/image`;
    const made = mkfs(image, "1G");
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /262144 4k blocks and 65536 inodes/);
    const info = Deno.statSync(image);
    assert.equal(info.size, 2 ** 30);
    assert.ok((info.blocks ?? 0) * 512 < 2 ** 20);
    refused(mkfs(image), /holds data: ext4; -F overwrites it/);
    assert.equal(mkfs("-q", "-F", image, "2G").code, 0);
    assert.equal(Deno.statSync(image).size, 2 ** 31);
  });
});

Deno.test("bad input gets one line, status 1, and nothing is written", () => {
  withFolder((folder) => {
    const image = `${folder}/image`;
    const cases: [RegExp, string[]][] = [
      [/no SIZE was given/, [image]],
      [/is a directory/, [folder]],
      [/neither a file nor a block device/, ["/dev/null"]],
      [/unknown option -x/, ["-x", image, "1M"]],
      [/-E nosuch/, ["-E", "nosuch", image, "1M"]],
      [/-J nosuch/, ["-J", "nosuch=1", image, "1M"]],
      [/feature nosuch/, ["-O", "nosuch", image, "1M"]],
      [/undo/, ["-z", "undo", image, "1M"]],
      [/too small/, [image, "16K"]],
      [/-d: .*cannot be read/, ["-d", `${folder}/none`, image, "1M"]],
      [/room for 16/, ["-L", "a label that is far too long", image, "1M"]],
      [/superfluous/, [image, "1M", "more"]],
      [/no device/, []],
    ];
    for (const [pattern, args] of cases) refused(mkfs(...args), pattern);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("a dry run says what would be made and leaves the file alone", () => {
  withFolder((folder) => {
    const image = `${folder}/image`;
    Deno.writeFileSync(image, new Uint8Array(1 << 20).fill(1));
    const outcome = mkfs("-n", "--json", image);
    const plan = JSON.parse(outcome.stdout);
    assert.equal(plan.dryRun, true);
    assert.equal(plan.blocks, 1024);
    assert.ok(Deno.readFileSync(image).every((byte) => byte === 1));
    assert.equal(mkfs("-n", `${folder}/new`, "1T").code, 0);
    assert.throws(() => Deno.statSync(`${folder}/new`), Deno.errors.NotFound);
  });
});

testWith({
  name: "an image within a file, bad blocks",
  needs: [program("e2fsck"), program("debugfs")],
  fn: () =>
    withFolder((folder) => {
      const image = `${folder}/image`;
      assert.equal(mkfs("-q", "-E", "offset=1M", image, "32M").code, 0);
      assert.equal(run("e2fsck", ["-fn", `${image}?offset=1048576`]).code, 0);
      Deno.writeTextFileSync(`${folder}/bad`, "20000\n20001\n");
      Deno.removeSync(image);
      assert.equal(mkfs("-q", "-cc", "-l", `${folder}/bad`, image, "32M").code, 0);
      const bad = run("e2fsck", ["-fn", image]);
      assert.equal(bad.code, 0, bad.stdout);
      assert.match(run("debugfs", ["-R", "testb 20000 2", image]).stdout, /20000 marked in use/);
    }),
});

Deno.test("direct I/O writes the same image, where the file system has it", () => {
  withFolder((folder) => {
    const options = ["-q", "-U", "clear", "-E", "hash_seed=11111111-2222-4333-8444-555555555555"];
    const env = { SOURCE_DATE_EPOCH: "1700000000" };
    const make = (name: string, ...more: string[]): Outcome => {
      const args = [
        "run",
        "-A",
        "--no-check",
        MKFS,
        ...options,
        ...more,
        `${folder}/${name}`,
        "32M",
      ];
      const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), { args, env })
        .outputSync();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    };
    assert.equal(make("buffered").code, 0);
    const direct = make("direct", "-D");
    if (direct.code !== 0) return assert.match(direct.stderr, /direct I\/O is not possible here/);
    const [a, b] = ["buffered", "direct"].map((name) => Deno.readFileSync(`${folder}/${name}`));
    assert.ok(a?.every((byte, i) => byte === b?.[i]));
  });
});

testWith({
  name: "-S lets a checker find everything again",
  needs: [program("e2fsck")],
  fn: () =>
    withFolder((folder) => {
      const image = `${folder}/image`;
      const source = new URL("../../fs/mkfs", import.meta.url).pathname;
      // The checksums of what is there depend on the UUID.
      const uuid = "11111111-2222-4333-8444-555555555555";
      assert.equal(mkfs("-q", "-U", uuid, "-d", source, image, "32M").code, 0);
      const files = [...Deno.readDirSync(source)].length + 11;
      assert.equal(mkfs("-q", "-F", "-S", "-U", uuid, image).code, 0);
      run("e2fsck", ["-fy", image]);
      const checked = run("e2fsck", ["-fn", image]);
      assert.equal(checked.code, 0, checked.stdout);
      assert.match(checked.stdout, new RegExp(` ${files}/\\d+ files`));
    }),
});

testWith({
  name: "devices in use are refused",
  needs: [root, loop, program("losetup"), program("mount")],
  fn: () =>
    withFolder((folder) => {
      const image = `${folder}/image`;
      assert.equal(mkfs("-q", image, "16M").code, 0);
      const device = run("losetup", ["-f", "--show", image]).stdout.trim();
      try {
        refused(mkfs("-F", image), /in use by \/dev\/loop/);
        Deno.mkdirSync(`${folder}/mnt`);
        assert.equal(run("mount", [device, `${folder}/mnt`]).code, 0);
        try {
          refused(mkfs("-F", device), /is mounted on/);
          refused(mkfs("-F", image), /is mounted on/);
        } finally {
          run("umount", [`${folder}/mnt`]);
        }
        assert.equal(mkfs("-q", "-F", device).code, 0);
        assert.equal(run("e2fsck", ["-fn", device]).code, 0);
      } finally {
        run("losetup", ["-d", device]);
      }
    }),
});
