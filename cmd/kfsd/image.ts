/**
 * An ext4 image for virtual machines: the engine with its journal, one view for each front-end.
 *
 * @module
 */

import { openFileDevice } from "../../ffi/device/open.ts";
import type { ServerOptions } from "../../ffi/fuse/options.ts";
import { realTime } from "../../ffi/libc/clock.ts";
import { serveEngine } from "../../fs/fuse/quota_file_system.ts";
import type { WriteQueue } from "../../fs/journal/write_queue.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import { closeEngine, openEngine } from "../../fs/ops/open_volume.ts";
import type { Clock } from "../../fs/volume/volume.ts";
import { textOf } from "../../vhost/fault.ts";
import type { Loop } from "../../vhost/loop.ts";
import type { DeviceSettings } from "../../vhost/session.ts";
import { SharedFileSystem, type SharingPolicy } from "../../vhost/shared_file_system.ts";
import { JournalThread } from "../kfs/journal_thread.ts";
import { defaultOptions } from "../kfs/mount_options.ts";
import { thisHost } from "../kfs/serve_image.ts";
import type { Log } from "./log.ts";
import type { KfsdOptions } from "./options.ts";

/** What is served, and how it ends. */
export interface Served {
  readonly device: Pick<DeviceSettings, "fileSystem" | "fuse">;
  /** @returns the exit status */
  readonly close: () => number;
}

/** Inodes kept in memory besides those in use. */
const CACHED_INODES = 16384;

/** Opens the image, and starts the thread that writes its journal: no path is looked up after this. */
export function shareImage(
  options: KfsdOptions,
  fuse: ServerOptions,
  loop: Loop,
  signals: number,
  log: Log,
): Served {
  const journal = new JournalThread();
  if (!options.readOnly && !journal.startNow()) {
    throw new Error("the journal's thread does not start");
  }
  const engine = openImage(options, journal, signals, () => loop.stop(), log);
  loop.watch(journal.event, () => journal.reap());
  const inner = serveEngine(engine, {
    commitMs: defaultOptions().commitSeconds * 1000,
    monotonicMs: () => performance.now(),
  });
  const policy = sharingPolicy(options);
  const shared = new SharedFileSystem(inner, policy);
  return {
    device: {
      fileSystem: () => shared.view(),
      fuse: {
        ...fuse,
        posixAcl: true,
        attributesValidMs: policy.validMs ?? fuse.attributesValidMs ?? 0,
      },
    },
    close: () => {
      shared.close();
      const status = closeImage(engine, options.image, log);
      journal.close();
      return status;
    },
  };
}

/**
 * Nobody can tell guests of each other's changes. Unless the image does not change, or `--cache` says
 * otherwise, they keep no names and attributes, and look at each open whether data have changed.
 */
function sharingPolicy({ cache, readOnly }: KfsdOptions): SharingPolicy {
  const forEver = readOnly || cache === "always";
  return { validMs: forEver ? undefined : 0, keepCache: forEver };
}

function openImage(
  options: KfsdOptions,
  writeQueue: WriteQueue,
  signals: number,
  panic: () => void,
  log: Log,
): Engine {
  const { image, readOnly } = options;
  const usual = defaultOptions();
  const device = openFileDevice(image, { readOnly });
  const clock: Clock = {
    seconds: 0,
    nanoseconds: 0,
    read(): void {
      realTime(this);
    },
  };
  const words = new Uint32Array(1);
  try {
    return openEngine(device, {
      readOnly,
      cacheBytes: usual.cacheBytes,
      cachedInodes: CACHED_INODES,
      clock,
      report: (text) => log("warn", text),
      panic,
      accessTime: usual.accessTime,
      noDirectoryAccessTime: usual.noDirectoryAccessTime,
      lazyTime: usual.lazyTime,
      sync: usual.sync,
      directorySync: usual.directorySync,
      dataMode: usual.dataMode,
      barriers: usual.barriers,
      discard: usual.discard,
      random: () => crypto.getRandomValues(words)[0] ?? 0,
      noRecovery: usual.noRecovery,
      mountPoint: "virtio-fs",
      quotaLimits: usual.quotaLimits,
      host: thisHost(image, signals),
      writeQueue,
    });
  } catch (error) {
    device.close();
    throw error;
  }
}

/** @returns the exit status */
function closeImage(engine: Engine, image: string, log: Log): number {
  try {
    closeEngine(engine);
  } catch (error) {
    log("error", `${image}: not closed cleanly: ${textOf(error)}`);
    return 2;
  }
  return engine.volume.transactions.stopped === "" ? 0 : 2;
}
