import assert from "node:assert/strict";
import { projectRoot, run } from "../../tools/process.ts";
import { sleepSync } from "./released.ts";
import { mountsUnder, SCRATCH_VARIABLE } from "./scratch.ts";
import { root, testWith } from "./skip.ts";

const SCRIPT = `
import { Scratch } from "${projectRoot}/tests/harness/scratch.ts";
const scratch = new Scratch("watched");
const place = scratch.makeFolder("mnt");
new Deno.Command("mount", { args: ["-t", "tmpfs", "tmpfs", place] }).outputSync();
Deno.chdir(place);
console.log(scratch.folder);
Deno.kill(Deno.pid, "SIGKILL");
`;

testWith({
  name: "a test that is killed leaves neither mounts nor files behind",
  needs: [root],
  fn() {
    const done = run(Deno.execPath(), ["eval", SCRIPT], { env: { [SCRATCH_VARIABLE]: "" } });
    const folder = done.stdout.trim();
    assert.match(folder, /kfs-watched-/, done.stderr);
    for (let tries = 0; tries < 100 && exists(folder); tries++) sleepSync(100);
    assert.deepEqual(mountsUnder(folder), []);
    assert.ok(!exists(folder));
    assert.ok(!exists(folder.replace(/\/[^/]*$/, "")), "the folder of the run, too");
  },
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
