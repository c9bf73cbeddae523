import assert from "node:assert/strict";
import { runCommand } from "../../tests/harness/commands.ts";
import { Scratch } from "../../tests/harness/scratch.ts";
import { format, open } from "../../mod.ts";

Deno.test("tune changes an image, or refuses in one line and leaves it as it is", () => {
  using scratch = new Scratch("kfsctl-tune");
  const path = scratch.path("image");
  format(path, { size: 16 << 20 });
  const done = runCommand("kfsctl", ["tune", "-L", "fresh", "-O", "^metadata_csum", path]);
  assert.equal(done.code, 0, done.stderr);
  {
    using image = open(path, { readOnly: true });
    const { label, features } = image.describe();
    assert.equal(label, "fresh");
    assert.ok(!features.includes("metadata_csum") && features.includes("uninit_bg"));
  }
  const before = Deno.readFileSync(path);
  const cases: [string[], number, RegExp][] = [
    [["-L", "a label that is too long"], 1, /longer than 16 bytes/],
    [["-L", "x", "-O", "64bit"], 1, /feature 64bit cannot be set/],
    [["-O", "nonsense"], 1, /feature nonsense is not known/],
    [["-O", "^has_journal,orphan_file"], 1, /need has_journal|needs has_journal/],
    [["-U", "nonsense"], 2, /is no UUID/],
    [["-m", "51"], 2, /percentage/],
    [["-E", "nonsense=1"], 2, /not known/],
    [[], 2, /nothing to change/],
  ];
  for (const [args, status, line] of cases) {
    const refused = runCommand("kfsctl", ["tune", ...args, path]);
    assert.equal(refused.code, status, `${args.join(" ")}: ${refused.stderr}`);
    assert.match(refused.stderr, line);
    assert.match(refused.stderr, /^kfsctl tune: [^\n]+\n$/);
  }
  assert.deepEqual(Deno.readFileSync(path), before);
});
