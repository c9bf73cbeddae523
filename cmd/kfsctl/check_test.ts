import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { commandLine, mustCommand, runCommand } from "../../tests/harness/commands.ts";
import { Scratch } from "../../tests/harness/scratch.ts";

interface Report {
  readonly clean: boolean;
  readonly errors: number;
  readonly findings: readonly { readonly code: string; readonly message: string }[];
  readonly counts: Readonly<Record<string, number>>;
}

function made(scratch: Scratch): string {
  const image = scratch.path("image");
  mustCommand("mkfs", ["-q", "-b", "1024", image, "16M"]);
  return image;
}

/** Makes the number of free inodes of group 0 wrong, and its checksum with it. */
function damage(image: string): void {
  const file = Deno.openSync(image, { read: true, write: true });
  file.seekSync(2 * 1024 + 0xe, Deno.SeekMode.Start);
  file.writeSync(Uint8Array.of(1, 0));
  file.close();
}

Deno.test("a clean image: status 0, a line for people, an object for programs", () => {
  using scratch = new Scratch("kfsctl");
  const image = made(scratch);
  const text = runCommand("kfsctl", ["check", image]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /: clean\n$/);
  const json = runCommand("kfsctl", ["check", "--json", image]);
  assert.equal((JSON.parse(json.stdout) as Report).clean, true);
  const quiet = runCommand("kfsctl", ["check", "-q", image]);
  assert.equal(quiet.code + quiet.stdout + quiet.stderr, "0");
});

Deno.test("a damaged image: status 4, and nothing is changed", () => {
  using scratch = new Scratch("kfsctl");
  const image = made(scratch);
  damage(image);
  const before = Deno.readFileSync(image);
  const text = runCommand("kfsctl", ["check", image]);
  assert.equal(text.code, 4);
  assert.match(text.stdout, /error +group descriptor \(group 0\): bg_checksum does not match/);
  assert.match(text.stdout, /errors.*nothing was changed \(e2fsck -f .* repairs\)/);
  assert.ok(!text.stdout.includes("\x1b"), "no colours where there is no terminal");
  const json = runCommand("kfsctl", ["check", "--json", "--limit", "1", image]);
  const report = JSON.parse(json.stdout) as Report;
  assert.equal(report.findings.length, 1);
  assert.ok(report.errors > 1 && report.counts["group_free_inodes"] === 1);
  assert.deepEqual(Deno.readFileSync(image), before);
});

Deno.test("an image in use is refused in one line, and checked with --force", () => {
  using scratch = new Scratch("kfsctl");
  const image = made(scratch);
  using held = open(image);
  held.writeTextFile("/file", "x");
  const refused = runCommand("kfsctl", ["check", image]);
  assert.equal(refused.code, 8);
  assert.match(refused.stderr, /^kfsctl check: [^\n]*in use[^\n]*\n$/);
  assert.notEqual(runCommand("kfsctl", ["check", "--force", image]).code, 8);
});

Deno.test("what cannot be checked, and wrong usage, have statuses of their own", () => {
  using scratch = new Scratch("kfsctl");
  const noise = scratch.path("noise");
  Deno.writeTextFileSync(noise, "no file system".repeat(1000));
  const cases: readonly (readonly [number, ...string[]])[] = [
    [8, "check", noise],
    [8, "check", scratch.path("nothing")],
    [8, "check", scratch.folder],
    [16, "check"],
    [16, "check", noise, noise],
    [16, "check", "--wrong", noise],
    [16, "check", "--limit", "x", noise],
    [16, "wrong"],
    [16],
    [0, "--help"],
    [0, "check", "--help"],
    [0, "check", "--codes"],
    [0, "--version"],
  ];
  for (const [status, ...args] of cases) {
    const done = runCommand("kfsctl", args);
    assert.equal(done.code, status, `${args.join(" ")}: ${done.stdout}${done.stderr}`);
    if (status === 16 && args.length > 0) assert.equal(done.stderr.trim().split("\n").length, 1);
  }
});

Deno.test("a file system within a file is checked at its offset", () => {
  using scratch = new Scratch("kfsctl");
  const image = scratch.path("disk");
  mustCommand("mkfs", ["-q", "-E", "offset=1048576", image, "16M"]);
  assert.equal(runCommand("kfsctl", ["check", "--offset", "1M", image]).code, 0);
  assert.equal(runCommand("kfsctl", ["check", image]).code, 8);
});

/** Sends SIGINT after `delayMs`; the exit status. */
async function interrupted(image: string, delayMs: number): Promise<number> {
  const [program, ...args] = commandLine("kfsctl");
  const child = new Deno.Command(program, {
    args: [...args, "check", image],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGINT"), delayMs);
  const { code } = await child.status;
  clearTimeout(timer);
  return code;
}

Deno.test("SIGINT ends a check with status 32", async () => {
  using scratch = new Scratch("kfsctl");
  const image = scratch.path("image");
  mustCommand("mkfs", ["-q", image, "8T"]);
  const seen: number[] = [];
  // Too early it ends the process before anything listens, too late there is nothing to end.
  for (const delayMs of [400, 600, 900, 1300, 2000, 3000, 5000]) {
    seen.push(await interrupted(image, delayMs));
    if (seen.at(-1) === 32) return;
  }
  assert.fail(`statuses ${seen.join(", ")}`);
});
