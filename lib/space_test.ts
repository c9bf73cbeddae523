import assert from "node:assert/strict";
import { mustFail, patternBytes, withImage } from "../tests/harness/library.ts";

Deno.test("library: truncate", () => {
  withImage((image) => {
    image.writeFile("f", patternBytes(10_000));
    image.truncate("f", 5001);
    image.truncate("f", 20_000);
    const wanted = new Uint8Array(20_000);
    wanted.set(patternBytes(10_000).subarray(0, 5001));
    assert.deepEqual(image.readFile("f"), wanted);
    image.truncate("f");
    assert.equal(image.stat("f").size, 0);
    assert.equal(image.stat("f").blocks, 0);
    image.mkdir("d");
    mustFail("EISDIR", () => image.truncate("d", 0));
    mustFail("ENOENT", () => image.truncate("none", 0));
    mustFail("EINVAL", () => image.truncate("f", -1));
    mustFail("EINVAL", () => image.truncate("f", 1.5));
  });
});

Deno.test("library: fallocate allocates, with or without the size", () => {
  withImage((image) => {
    image.writeTextFile("f", "data");
    image.fallocate("f", 0, 1 << 20, { keepSize: true });
    assert.equal(image.stat("f").size, 4);
    assert.ok(image.stat("f").blocks >= 2048);
    assert.equal(image.readTextFile("f"), "data");
    image.fallocate("f", 0, 1 << 20);
    assert.equal(image.stat("f").size, 1 << 20);
    assert.ok(image.readFile("f").subarray(4).every((byte) => byte === 0));
    mustFail("EINVAL", () => image.fallocate("f", 0, 0));
    mustFail("EINVAL", () => image.fallocate("f", -1, 10));
    mustFail("ENOSPC", () => image.fallocate("f", 0, 64 << 20));
    image.truncate("f", 0);
    mustFail("EFBIG", () => image.fallocate("f", 0, 2 ** 52));
    image.mkdir("d");
    mustFail("ENODEV", () => image.fallocate("d", 0, 10));
  });
});

Deno.test("library: fallocate punches, zeroes, collapses and inserts", () => {
  withImage((image) => {
    const block = image.statfs().bsize;
    let model = [...patternBytes(20 * block)];
    const check = (what: string): void => {
      assert.deepEqual(image.readFile("f"), Uint8Array.from(model), what);
    };
    image.writeFile("f", Uint8Array.from(model));
    image.fallocate("f", 3 * block + 7, 4 * block, { mode: "punchHole" });
    model.fill(0, 3 * block + 7, 7 * block + 7);
    check("punchHole");
    assert.equal(image.seekHole("f", 0), 4 * block);
    assert.equal(image.seekData("f", 4 * block), 7 * block);
    image.fallocate("f", 10 * block + 1, 2 * block, { mode: "zeroRange" });
    model.fill(0, 10 * block + 1, 12 * block + 1);
    check("zeroRange");
    image.fallocate("f", block, 5 * block, { mode: "collapseRange" });
    model = [...model.slice(0, block), ...model.slice(6 * block)];
    check("collapseRange");
    image.fallocate("f", 2 * block, 3 * block, { mode: "insertRange" });
    model.splice(2 * block, 0, ...new Array<number>(3 * block).fill(0));
    check("insertRange");
    mustFail("EINVAL", () => image.fallocate("f", 1, block, { mode: "collapseRange" }));
    mustFail("EINVAL", () => image.fallocate("f", 1, block, { mode: "insertRange" }));
    check("refused");
    image.fallocate("f", 19 * block, 10 * block, { mode: "zeroRange", keepSize: true });
    model.fill(0, 19 * block);
    check("zeroRange beyond the end");
  });
});

Deno.test("library: seekData and seekHole", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    assert.equal(image.seekData("f", 0), null);
    assert.equal(image.seekHole("f", 0), null);
    image.truncate("f", 100_000);
    assert.equal(image.seekData("f", 0), null);
    assert.equal(image.seekHole("f", 5), 5);
    image.writeFile("g", patternBytes(3000));
    assert.equal(image.seekData("g", 10), 10);
    assert.equal(image.seekHole("g", 10), 3000);
    assert.equal(image.seekHole("g", 3000), null);
    mustFail("EISDIR", () => image.seekData("/", 0));
    mustFail("EINVAL", () => image.seekData("g", -1));
  });
});

Deno.test("library: statfs counts, setLabel, trim", () => {
  const memory = withImage((image) => {
    const before = image.statfs();
    assert.equal(before.type, 0xef53);
    assert.equal(before.nameMax, 255);
    assert.match(before.uuid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    image.writeFile("f", patternBytes(1 << 20));
    const after = image.statfs();
    const blocks = (1 << 20) / before.bsize;
    assert.ok(before.bfree - after.bfree >= blocks && before.bfree - after.bfree < blocks + 16);
    assert.equal(before.ffree - after.ffree, 1);
    assert.ok(after.bavail < after.bfree);
    image.setLabel("new");
    assert.equal(image.statfs().label, "new");
    image.setLabel("sixteen bytes ok");
    assert.equal(image.statfs().label, "sixteen bytes ok");
    mustFail("EINVAL", () => image.setLabel("seventeen bytes !"));
    mustFail("EINVAL", () => image.setLabel("n\0l"));
    image.remove("f");
    assert.ok(image.trim() > 8 << 20);
  });
  assert.ok(memory.usedBytes < 4 << 20, `${memory.usedBytes} bytes are in use after trim`);
});
