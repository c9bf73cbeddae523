/**
 * A commit store whose commits are there all or not at all, as if the storage itself could do that: shows
 * that the crash tests find no fault where there is none.
 *
 * @module
 */

import type { RecordingDevice } from "../../fs/device/recording.ts";
import type { Volume } from "../../fs/volume/volume.ts";
import type { CrashEvent } from "./states.ts";

/** Makes the commits of a volume without a journal atomic in the recording. */
export function makeCommitsAtomic(volume: Volume, device: RecordingDevice): void {
  const { store } = volume.transactions;
  const commit = store.commit.bind(store);
  const events: CrashEvent[] = device.events;
  store.commit = (buffers, _durable, done) => {
    device.flush();
    const before = events.length;
    commit(buffers, false, done);
    const written = device.events.splice(before);
    events.push({ kind: "atomic", events: written });
  };
}
