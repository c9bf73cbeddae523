import assert from "node:assert/strict";
import { exercise } from "../../cmd/kfs/practice/exercise.ts";
import { Practice } from "../../cmd/kfs/practice/practice.ts";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { serveEngine } from "../../fs/fuse/quota_file_system.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import { finishEngine, openEngine } from "../../fs/ops/open_volume.ts";
import { setAttributes } from "../../fs/ops/set_attributes.ts";
import { ROOT_INODE } from "../../fs/layout/superblock.ts";
import { check, createMemoryImage, type FormatOptions, open } from "../../mod.ts";
import { crashOptions } from "../crash/engine_options.ts";

const SIZE_BYTES = 64 << 20;
const KINDS: readonly (readonly [string, Omit<FormatOptions, "size">])[] = [
  ["the default", {}],
  ["no journal", { features: ["^has_journal"] }],
  ["ext2", { type: "ext2" }],
  ["inline data, small blocks", { features: ["inline_data"], blockBytes: 1024 }],
  ["bigalloc", { features: ["bigalloc"] }],
  ["quota", { features: ["quota", "project"] }],
];

function opened(options: Omit<FormatOptions, "size">): { engine: Engine; device: RecordingDevice } {
  const device = new RecordingDevice(createMemoryImage(SIZE_BYTES, options));
  const engine = openEngine(device, crashOptions((message) => assert.fail(message)));
  return { engine, device };
}

function practiceOf(engine: Engine): Practice {
  return new Practice({ engine, requests: () => 1, monotonicMs: () => performance.now() });
}

for (const [name, options] of KINDS) {
  Deno.test(`practice changes nothing: ${name}`, () => {
    const { engine, device } = opened(options);
    const before = device.events.length;
    const practice = practiceOf(engine);
    let turns = 0;
    while (practice.turn() < Infinity) assert.ok(turns++ < 100_000, "no end");
    assert.ok(turns > 5, `${turns} turns`);
    assert.equal(device.events.length, before);
    finishEngine(engine);
    const report = check(device);
    assert.ok(report.clean, report.findings[0]?.message);
  });

  Deno.test(`all of the exercise can be done: ${name}`, () => {
    const { engine, device } = opened(options);
    const fileSystem = serveEngine(engine, { commitMs: 60_000, monotonicMs: () => 0 });
    const steps = [...exercise(fileSystem, () => engine.volume.commit(true))];
    assert.equal(steps.length, 3 * (2 * 400 + 2));
    finishEngine(engine);
    using image = open(device, { readOnly: true });
    const [folder, ...others] = [...image.readDir("/")].filter(({ name }) => {
      return ![".", "..", "lost+found"].includes(name);
    });
    assert.equal(others.length, 0);
    const left = [...image.readDir(`/${folder?.name}`)].filter(({ name }) => !/^\.+$/.test(name));
    assert.deepEqual(left, []);
    const report = check(device);
    assert.ok(report.clean, report.findings.slice(0, 5).map(({ message }) => message).join("; "));
  });
}

Deno.test("the first change ends the practice", () => {
  const { engine } = opened({});
  const practice = practiceOf(engine);
  assert.ok(practice.turn() < Infinity);
  assert.equal(practice.turn(), 0);
  setAttributes(engine, ROOT_INODE, { mode: 0o700 }, true);
  assert.equal(practice.turn(), Infinity);
});

Deno.test("a read-only mount has no practice", () => {
  const device = createMemoryImage(SIZE_BYTES);
  const engine = openEngine(device, crashOptions(() => {}, { readOnly: true }));
  assert.equal(practiceOf(engine).turn(), Infinity);
});
