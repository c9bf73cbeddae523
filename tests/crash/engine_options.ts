/**
 * How the crash tests open images: everything that is not determined by the seed is fixed.
 *
 * @module
 */

import type { Clock } from "../../fs/volume/volume.ts";
import type { OpenOptions } from "../../fs/ops/open_volume.ts";
import { Random } from "../harness/seed.ts";

/** A clock that goes on by a second at each look. */
export function steadyClock(): Clock {
  return {
    seconds: 1_700_000_000,
    nanoseconds: 0,
    read(): void {
      this.seconds++;
    },
  };
}

/** @param report told of what the engine has to say. */
export function crashOptions(
  report: (message: string) => void,
  changed: Partial<OpenOptions> = {},
): OpenOptions {
  const random = new Random(7);
  let milliseconds = 0;
  return {
    readOnly: false,
    cacheBytes: 4 << 20,
    cachedInodes: 4096,
    clock: steadyClock(),
    report,
    accessTime: "noatime",
    noDirectoryAccessTime: false,
    lazyTime: false,
    sync: false,
    directorySync: false,
    discard: false,
    random: () => random.next(),
    noRecovery: false,
    mountPoint: "",
    // Its waits are over at once, and time goes on at each look.
    host: {
      nodeName: "crash",
      deviceName: "memory",
      wait: () => true,
      monotonicMs: () => milliseconds += 700,
    },
    ...changed,
  };
}
