import assert from "node:assert/strict";
import type { DeviceEvent } from "../../../fs/device/recording.ts";
import { RecordingDevice } from "../../../fs/device/recording.ts";
import { resize as resizeDevice } from "../../../fs/resize/resize.ts";
import { format, MemoryImage, open } from "../../../mod.ts";
import { run } from "../../../tools/process.ts";
import { e2fsck } from "../../harness/e2fsck.ts";
import { imageDigest } from "../../harness/image_digest.ts";
import { Scratch } from "../../harness/scratch.ts";
import { numberFromEnv, printedSeed, Random } from "../../harness/seed.ts";
import { programs, testWith } from "../../harness/skip.ts";
import { fill } from "./fill.ts";

/** States looked at for each change of size. */
const STATES = numberFromEnv("KFS_RESIZE_STATES", 5);
const KIBIBYTE = 1024;
const SIZE = 40 << 20;

/** Does what an event says, on another device. */
function repeat(image: MemoryImage, event: DeviceEvent): void {
  if (event.kind === "write") image.write(event.bytes, event.offsetBytes);
  if (event.kind === "zero") image.zero(event.offsetBytes, event.lengthBytes);
}

/** What a crash leaves after `count` events: everything before the last flush, and some of what came behind it. */
function crashState(
  before: Uint8Array,
  events: readonly DeviceEvent[],
  count: number,
  random: Random,
): MemoryImage {
  const image = MemoryImage.from(before);
  const flushed = events.slice(0, count).findLastIndex(({ kind }) => kind === "flush");
  events.slice(0, count).forEach((event, index) => {
    if (index < flushed || random.chance(50)) repeat(image, event);
  });
  return image;
}

function madeImage(random: Random): MemoryImage {
  const image = new MemoryImage(SIZE);
  format(image, { size: 24 << 20, blockBytes: KIBIBYTE });
  using filled = open(image);
  fill(filled, random, 250, 30_000);
  return image;
}

testWith({
  name: "a change of size that ends at any moment leaves a whole file system",
  needs: [programs("e2fsck")],
  fn() {
    using scratch = new Scratch("resize-crash");
    const random = new Random(printedSeed("resize crash"));
    const image = madeImage(random);
    const files = imageDigest(image);
    for (const blocks of [11_500, 39_000]) {
      const before = image.toUint8Array();
      const recording = new RecordingDevice(image);
      const { stored } = resizeDevice(recording, blocks, { now: () => 1_700_000_000 });
      assert.equal(stored, "journal");
      const { events } = recording;
      for (let i = 0; i < STATES; i++) {
        const count = random.between(1, events.length);
        const state = crashState(before, events, count, random);
        mustRecover(scratch, state, `${blocks} blocks, after ${count} of ${events.length} events`);
        assert.deepEqual(imageDigest(state), files);
      }
    }
  },
});

/** Both e2fsck, by the journal alone, and the library recover it to a clean file system. */
function mustRecover(scratch: Scratch, state: MemoryImage, what: string): void {
  const path = scratch.path("state");
  state.writeTo(path);
  const replayed = run("e2fsck", ["-y", "-E", "journal_only", path]);
  assert.ok((replayed.code ?? 99) <= 1, `${what}: ${replayed.stdout}${replayed.stderr}`);
  const verdict = e2fsck(path);
  assert.ok(verdict.clean, `${what}: ${verdict.output}`);
  open(state).close();
  state.writeTo(path);
  const after = e2fsck(path);
  assert.ok(after.clean, `${what}, recovered by the library: ${after.output}`);
}
