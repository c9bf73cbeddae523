/**
 * Ending a change of a whole file system at any moment, and what must be left then.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type DeviceEvent, RecordingDevice } from "../../../fs/device/recording.ts";
import { MemoryImage, open } from "../../../mod.ts";
import { run } from "../../../tools/process.ts";
import { e2fsck } from "../../harness/e2fsck.ts";
import { imageDigest } from "../../harness/image_digest.ts";
import type { Scratch } from "../../harness/scratch.ts";
import { numberFromEnv, type Random } from "../../harness/seed.ts";

/** States looked at for each change. */
const STATES = numberFromEnv("KFS_RESIZE_STATES", 4);

/** Makes a change, and looks at what some crashes on the way would leave: a whole file system with all files. */
export function mustSurviveCrashes(
  scratch: Scratch,
  random: Random,
  image: MemoryImage,
  what: string,
  change: (device: RecordingDevice) => void,
): void {
  const before = image.toUint8Array();
  const files = imageDigest(image);
  const recording = new RecordingDevice(image);
  change(recording);
  const { events } = recording;
  for (let i = 0; i < STATES; i++) {
    const count = random.between(1, events.length);
    const state = crashState(before, events, count, random);
    mustRecover(scratch, state, `${what}, after ${count} of ${events.length} events`);
    assert.deepEqual(imageDigest(state), files);
  }
}

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
