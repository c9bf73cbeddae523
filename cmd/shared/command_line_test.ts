import assert from "node:assert/strict";
import { formatBytes, parseBytes, parseNumber, parseSize } from "./amount.ts";
import { CommandError, errorLine } from "./command_error.ts";
import { type CommandSpec, helpText, parseCommandLine } from "./command_line.ts";
import { formatUuid, parseUuid, timeUuid } from "./uuid.ts";

const SPEC: CommandSpec = {
  name: "sample",
  summary: "A sample.",
  operands: "FILE",
  options: [
    { letter: "q", help: "quiet" },
    { letter: "F", help: "force" },
    { letter: "b", name: "block", value: "SIZE", help: "block size" },
    { name: "json", help: "JSON" },
    { name: "level", value: "N", help: "level" },
  ],
};

Deno.test("options are read getopt-fashion", () => {
  const line = parseCommandLine(SPEC, [
    "one",
    "-qFF",
    "-b1024",
    "-b",
    "2048",
    "--json",
    "--level=3",
    "--block",
    "4096",
    "--",
    "-x",
  ]);
  assert.deepEqual(line.operands, ["one", "-x"]);
  assert.equal(line.count("F"), 2);
  assert.deepEqual(line.all("b"), ["1024", "2048", "4096"]);
  assert.equal(line.last("level"), "3");
  assert.ok(line.has("json") && line.has("q") && !line.has("z"));
});

Deno.test("a negative value and a lone dash are no options", () => {
  const line = parseCommandLine(SPEC, ["-b", "-4096", "-"]);
  assert.equal(line.last("b"), "-4096");
  assert.deepEqual(line.operands, ["-"]);
});

Deno.test("unknown options and missing values are refused in one line", () => {
  for (const args of [["-x"], ["--nosuch"], ["-b"], ["--level"], ["--json=1"]]) {
    assert.throws(() => parseCommandLine(SPEC, args), CommandError);
  }
});

Deno.test("help names every option", async () => {
  const text = await helpText(SPEC);
  for (const word of ["sample", "-q", "-b, --block <SIZE>", "--json", "--level <N>", "FILE"]) {
    assert.ok(text.includes(word), `${word} in\n${text}`);
  }
});

Deno.test("sizes and numbers", () => {
  assert.deepEqual(parseSize("64", "x"), { number: 64 });
  assert.deepEqual(parseSize("64k", "x"), { bytes: 65536 });
  assert.deepEqual(parseSize("1.5G", "x"), { bytes: 1.5 * 2 ** 30 });
  assert.deepEqual(parseSize("2TiB", "x"), { bytes: 2 ** 41 });
  assert.equal(parseBytes("10", "x", 1024), 10240);
  assert.equal(parseBytes("8s", "x", 1024), 4096);
  assert.equal(parseNumber("0x10", "x"), 16);
  assert.equal(parseNumber("010", "x"), 8);
  for (const text of ["", "k", "1.5", "-1", "1kk", "1e3", "99999999999999999999"]) {
    assert.throws(() => parseSize(text, "x"), CommandError, text);
  }
  assert.throws(() => parseNumber("11", "x", 0, 10), CommandError);
  assert.equal(formatBytes(1536), "1.5 KiB");
  assert.equal(formatBytes(2 ** 40), "1 TiB");
});

Deno.test("UUIDs", () => {
  const text = "c1b9d5a2-f162-11cf-9ece-0020afc76f16";
  assert.equal(formatUuid(parseUuid(text) ?? new Uint8Array(16)), text);
  assert.equal(parseUuid("c1b9d5a2f16211cf9ece0020afc76f16"), undefined);
  assert.match(formatUuid(timeUuid()), /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab]/);
});

Deno.test("only expected errors become one line", () => {
  assert.equal(errorLine(new CommandError("two\n  lines")), "two lines");
  assert.equal(errorLine(new TypeError("a fault")), undefined);
  const missing = new Deno.errors.NotFound("No such file (os error 2): stat '/a/b'");
  assert.equal(errorLine(missing), "/a/b: stat: no such file");
});
