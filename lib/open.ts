/**
 * Opening images.
 *
 * @module
 */

import { hostName } from "../ffi/libc/host_name.ts";
import { realTime } from "../ffi/libc/clock.ts";
import { randomWords } from "../fs/bytes/random_words.ts";
import type { BlockDevice } from "../fs/device/device.ts";
import { EINVAL, EIO } from "../fs/errno.ts";
import { type AccessTimePolicy, type DataMode, type Engine } from "../fs/ops/engine.ts";
import { type MultiMountHost, PLAIN_HOST } from "../fs/ops/multi_mount.ts";
import { openEngine } from "../fs/ops/open_volume.ts";
import type { Clock, ErrorBehavior } from "../fs/volume/volume.ts";
import { Core } from "./core.ts";
import { FsError, fsErrorOf } from "./fs_error.ts";
import { Image } from "./image.ts";
import { claim, type Extent, type ImageTarget, nameOf, openFile, release } from "./target.ts";
import { timeNow, type Timestamp } from "./timestamp.ts";

/** How an image is opened. */
export interface OpenOptions extends Extent {
  /** Nothing is changed; a file may be open read-only more than once. Default false. */
  readonly readOnly?: boolean;
  /** Bytes of metadata kept in memory. Default 32 MiB. */
  readonly cache?: number;
  /** Where the time for new timestamps comes from. Default: the system's clock. */
  readonly clock?: () => Timestamp;
  /** Random 32-bit numbers for inode generations. Default: the runtime's generator. */
  readonly random?: () => number;
  /** What follows when the image turns out to be damaged. Default: what its superblock says. */
  readonly errors?: Exclude<ErrorBehavior, "panic">;
  /** When reading changes access times. Default noatime: never. */
  readonly accessTime?: AccessTimePolicy;
  /** What a journal does about file content. Default "ordered". */
  readonly dataMode?: DataMode;
  /** Every change is on stable storage when its method returns. Default false. */
  readonly sync?: boolean;
  /** Punch blocks that are freed out of the image file. Default false. */
  readonly discard?: boolean;
  /** With `readOnly`: do not replay a journal that waits for it; show what is there without. */
  readonly noRecovery?: boolean;
  /**
   * Where the journal is when the file system has it on another device: the path of a file or block device, or a device
   * such as a `MemoryImage`. Closed with the image.
   */
  readonly journal?: ImageTarget;
  /** What happens when the disk is full: the oldest snapshot is dropped (and `report` told), or the change refused. Default "drop". */
  readonly snapshotFull?: "drop" | "refuse";
  /** Owner of new nodes. Default 0. Nothing depends on it: there are no permission checks. */
  readonly uid?: number;
  readonly gid?: number;
  /**
   * Waits this many milliseconds, when the image has multiple mount protection and was not closed properly; false
   * gives up. Default: blocks the thread, for some 20 seconds.
   */
  readonly wait?: (milliseconds: number) => boolean;
  /** Told of damage that is found, one line each. Errors are thrown as well. */
  readonly report?: (message: string) => void;
}

const DEFAULT_CACHE_BYTES = 32 << 20;
/** Inodes kept in memory besides those in use. */
const CACHED_INODES = 8192;

/**
 * Opens an image. Until it is closed, a file is locked against other processes (and other `open`s) that honour the
 * lock, and a `MemoryImage` against other `open`s.
 * @throws FsError: EBUSY for an image in use, EROFS for one that can only be opened read-only, EUCLEAN for one that is
 *   damaged or no ext4, ENOENT, …
 */
export function open(target: ImageTarget, options: OpenOptions = {}): Image {
  const name = nameOf(target);
  try {
    return typeof target === "string"
      ? openPath(target, options)
      : openMemory(target, name, options);
  } catch (error) {
    throw fsErrorOf(error, "open", name);
  }
}

function openPath(path: string, options: OpenOptions): Image {
  const device = openFile(path, options.readOnly ?? false, options);
  const host = { ...PLAIN_HOST, nodeName: hostName(), deviceName: path.replace(/.*\//, "") };
  return imageOf(device, path, options, realTime, host);
}

function openMemory(target: BlockDevice, name: string, options: OpenOptions): Image {
  if (options.offset !== undefined || options.size !== undefined) {
    throw new FsError(EINVAL, "open", name, { text: "offset and size are for files only" });
  }
  claim(target, "open");
  try {
    return imageOf(new ClaimedDevice(target), name, options, undefined, PLAIN_HOST);
  } catch (error) {
    release(target);
    throw error;
  }
}

function imageOf(
  device: BlockDevice,
  name: string,
  options: OpenOptions,
  systemClock: ((clock: Clock) => void) | undefined,
  host: MultiMountHost,
): Image {
  let engine: Engine;
  let journalDevice: BlockDevice | undefined;
  try {
    journalDevice = openJournal(options);
    engine = openEngine(device, {
      readOnly: options.readOnly ?? false,
      cacheBytes: options.cache ?? DEFAULT_CACHE_BYTES,
      cachedInodes: CACHED_INODES,
      ...(options.errors === undefined ? {} : { errors: options.errors }),
      clock: clockOf(options.clock, systemClock),
      report: options.report ?? (() => {}),
      accessTime: options.accessTime ?? "noatime",
      noDirectoryAccessTime: false,
      lazyTime: false,
      sync: options.sync ?? false,
      dataMode: options.dataMode ?? "ordered",
      snapshotFull: options.snapshotFull ?? "drop",
      directorySync: false,
      discard: options.discard ?? false,
      random: options.random ?? randomWords(),
      noRecovery: options.noRecovery ?? false,
      mountPoint: "",
      ...(journalDevice === undefined ? {} : { journalDevice }),
      host: options.wait === undefined ? host : { ...host, wait: options.wait },
    });
  } catch (error) {
    journalDevice?.close();
    device.close();
    throw error;
  }
  const owner = { uid: options.uid ?? 0, gid: options.gid ?? 0 };
  return new Image(new Core(engine, name, owner));
}

function openJournal({ journal, readOnly }: OpenOptions): BlockDevice | undefined {
  if (typeof journal !== "object") {
    return journal === undefined ? undefined : openFile(journal, readOnly ?? false, {});
  }
  claim(journal, "open");
  return new ClaimedDevice(journal);
}

function clockOf(
  own: (() => Timestamp) | undefined,
  system: ((clock: Clock) => void) | undefined,
): Clock {
  const source = own ?? timeNow;
  return {
    seconds: 0,
    nanoseconds: 0,
    read(): void {
      if (own === undefined && system !== undefined) return system(this);
      const { seconds, nanoseconds } = source();
      this.seconds = seconds;
      this.nanoseconds = nanoseconds;
    },
  };
}

/** A caller's device while an image is open on it: closing the image gives it back. */
class ClaimedDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  #device: BlockDevice | null;

  constructor(device: BlockDevice) {
    this.#device = device;
    this.sizeBytes = device.sizeBytes;
    this.readOnly = device.readOnly;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.#get().read(target, offsetBytes);
  }
  write(source: Uint8Array, offsetBytes: number): void {
    this.#get().write(source, offsetBytes);
  }
  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    this.#get().writeVector(sources, offsetBytes);
  }
  flush(): void {
    this.#get().flush();
  }
  zero(offsetBytes: number, lengthBytes: number): void {
    this.#get().zero(offsetBytes, lengthBytes);
  }
  discard(offsetBytes: number, lengthBytes: number): boolean {
    return this.#get().discard(offsetBytes, lengthBytes);
  }
  close(): void {
    if (this.#device !== null) release(this.#device);
    this.#device = null;
  }
  #get(): BlockDevice {
    if (this.#device === null) {
      throw new FsError(EIO, "device", "(memory)", { text: "it is closed" });
    }
    return this.#device;
  }
}
