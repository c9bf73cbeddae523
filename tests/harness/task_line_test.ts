import assert from "node:assert/strict";
import { projectRoot, run } from "../../tools/process.ts";
import { LineError, oneOf, readTaskLine, wholeNumber } from "./task_line.ts";

Deno.test("a task's command line: values, and one line for what is wrong", () => {
  const options = { images: { type: "string" }, quick: { type: "boolean" } } as const;
  assert.equal(readTaskLine(["--images", "7"], options).images, "7");
  const wrong: readonly [readonly string[], RegExp][] = [
    [["--many", "7"], /^Unknown option '--many'$/],
    [["seven"], /^Unexpected argument 'seven'$/],
    [["--images"], /^Option '--images <value>' argument missing$/],
    [["--quick=no"], /^Option '--quick' does not take an argument$/],
  ];
  for (const [line, words] of wrong) {
    assert.throws(() => readTaskLine(line, options), (error) => {
      return error instanceof LineError && words.test(error.message);
    }, line.join(" "));
  }
  assert.equal(wholeNumber("states", "12"), 12);
  for (const text of ["", "x", "1e3", "-1", "1.5", "0x10", "9".repeat(16)]) {
    assert.throws(() => wholeNumber("states", text), LineError, text);
  }
  assert.throws(() => wholeNumber("rounds", "0", 1, 9), /--rounds 0: use a whole number from 1 to/);
  assert.throws(() => oneOf("shape", "5k", ["1k", "4k"]), /--shape 5k: use one of 1k, 4k$/);
});

for (const task of ["crash", "fuzz", "matrix"]) {
  Deno.test(`deno task ${task} with an unknown option: one line, status 2`, () => {
    const entry = `${projectRoot}/tests/${task}/main.ts`;
    const { code, stdout, stderr } = run(Deno.execPath(), ["run", "-A", entry, "--nonsense"]);
    assert.deepEqual({ code, stdout, stderr }, {
      code: 2,
      stdout: "",
      stderr: `${task}: Unknown option '--nonsense'\n`,
    });
  });
}
