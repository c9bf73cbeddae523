/** The command `sync`: everything that was changed so far goes to the device. @module */

import type { ControlCommand } from "./command.ts";

export const SYNC: ControlCommand = {
  run({ engine }) {
    if (!engine.volume.readOnly) engine.sync(true);
    return null;
  },
};
