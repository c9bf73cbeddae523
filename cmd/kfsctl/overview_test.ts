import assert from "node:assert/strict";
import { COMMANDS } from "./commands.ts";
import { overviewText } from "./overview.ts";

Deno.test("kfsctl --help fits a screen, and names every command", () => {
  const more = Array.from({ length: 40 }, (_, index) => ({
    name: `name${index}`,
    summary: "a summary that is as long as it takes to fill more than half a line of text",
  }));
  for (const commands of [COMMANDS, more.slice(0, 20), more]) {
    const lines = overviewText(commands).split("\n");
    assert.ok(lines.length < 24, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length < 80, line);
    for (const { name } of commands) {
      assert.ok(lines.some((line) => line.includes(` ${name} `)), name);
    }
  }
});
