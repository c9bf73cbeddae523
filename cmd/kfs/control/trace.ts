/** The commands `trace.start`, `trace.read` and `trace.stop`: recording what a mount is asked. @module */

import { Recorder } from "../../../ffi/fuse/recorder.ts";
import { monotonicMicroseconds } from "../../../ffi/libc/clock.ts";
import type { TracePart } from "../../shared/trace_file.ts";
import { type ControlCommand, ControlError, type MountContext } from "./command.ts";

/** Numbers of recordings, so that a reader does not take what belongs to another. */
let nextId = 1;
const ids = new WeakMap<Recorder, number>();

export const TRACE_COMMANDS: Readonly<Record<string, ControlCommand>> = {
  "trace.start": {
    run({ server }) {
      const begin = monotonicMicroseconds();
      if (server.recorder?.isForsaken(begin) === false) {
        throw new ControlError("busy", "the mount is being traced already");
      }
      const recorder = new Recorder(begin);
      const id = nextId++;
      ids.set(recorder, id);
      server.recorder = recorder;
      return { id, begin };
    },
  },
  "trace.read": { run: (context, args) => take(context, args.number("id", 1, 2 ** 32)) },
  "trace.stop": {
    run(context, args) {
      const part = take(context, args.number("id", 1, 2 ** 32));
      context.server.recorder = undefined;
      return part;
    },
  },
};

function take({ server }: MountContext, id: number): TracePart {
  const { recorder } = server;
  if (recorder === undefined || ids.get(recorder) !== id) {
    throw new ControlError("missing", "this trace has ended");
  }
  return { records: recorder.take(monotonicMicroseconds()).toBase64(), lost: recorder.lost };
}
