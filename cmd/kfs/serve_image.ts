/**
 * One mount, from opening the image to closing it.
 *
 * @module
 */

import type { FileDevice } from "../../ffi/device/file_device.ts";
import { attachLoop, type LoopDevice } from "../../ffi/device/loop_device.ts";
import { openFileDevice } from "../../ffi/device/open.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";
import { SystemError } from "../../ffi/libc/error.ts";
import { makeEvent } from "../../ffi/libc/event.ts";
import { FuseSession } from "../../ffi/fuse/session.ts";
import { PollSet } from "../../ffi/libc/poll_set.ts";
import { hostName } from "../../ffi/libc/host_name.ts";
import { effectiveUid } from "../../ffi/libc/mount.ts";
import { realTime } from "../../ffi/libc/clock.ts";
import { openSignals } from "../../ffi/libc/signals.ts";
import { type FuseMount, mountFuse, setReadAhead } from "../../ffi/libfuse3/mount.ts";
import type { MountOptions } from "../../ffi/libfuse3/options.ts";
import { randomWords } from "../../fs/bytes/random_words.ts";
import type { FileSystem } from "../../ffi/fuse/port.ts";
import type { Ext4FileSystem } from "../../fs/fuse/ext4_file_system.ts";
import { SnapshotFileSystem } from "../../fs/fuse/snapshot_file_system.ts";
import { serveEngine } from "../../fs/fuse/quota_file_system.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import type { MultiMountHost } from "../../fs/ops/multi_mount.ts";
import { openSnapshot } from "../../fs/ops/open_snapshot.ts";
import { closeEngine, openEngine } from "../../fs/ops/open_volume.ts";
import { ImmediateWriteQueue, type WriteQueue } from "../../fs/journal/write_queue.ts";
import type { Clock } from "../../fs/volume/volume.ts";
import { MountControl } from "./control/mount_control.ts";
import { STOP_SIGNALS } from "./handover.ts";
import type { Guests } from "./guests.ts";
import { JournalThread } from "./journal_thread.ts";
import { LazyThread } from "./lazy_thread.ts";
import { Practice } from "./practice/practice.ts";
import { ReadThread } from "./read_thread.ts";
import type { KfsOptions } from "./mount_options.ts";
import { stopAtSignals } from "./stop_signals.ts";

/** Is told what becomes of a mount. */
export interface Observer {
  /** The mount answers. */
  ready(): void;
  log(text: string): void;
  /** Not mounted, and why. */
  failed(text: string): void;
}

/** `Guests`, which is loaded only where it is needed. */
export type MakeGuests = typeof Guests;

/** How often, and after how long each time, a locked image is tried. */
const LOCK_TRIES = 50;
const LOCK_WAIT_MS = 20;
/** Nobody else changes the image, so the kernel may keep attributes. */
const ATTRIBUTES_VALID_MS = 24 * 3600 * 1000;
/** As much as one request can carry; the kernel's default is an eighth of that. Only root may set it. */
const READ_AHEAD_KIB = 1024;
/** Inodes kept in memory besides those in use. */
const CACHED_INODES = 8192;

/**
 * Mounts and serves until the end. Never throws.
 * @returns the exit status: see `serve`.
 */
export function serveImage(
  options: KfsOptions,
  observer: Observer,
  makeGuests?: MakeGuests,
): number {
  let mount: FuseMount | undefined;
  let guests: Guests | undefined;
  let engine: Engine | undefined;
  let session: FuseSession | undefined;
  const journal = new JournalThread();
  const notices = new LazyThread();
  const control = new MountControl();
  let status = 0;
  const stopForError = (): void => {
    status = 2;
    session?.stop();
  };
  try {
    const stopEvent = makeEvent();
    const signals = openSignals(STOP_SIGNALS);
    const device = openDevice(options);
    engine = openImage(
      device,
      options,
      {
        signals,
        writeQueue: options.singleThread ? new ImmediateWriteQueue() : journal,
        panic: stopForError,
      },
      (text) => {
        control.note(text);
        observer.log(text);
      },
    );
    mount = mountImage(options, device);
    const reads = new ReadThread(device);
    const shown = options.snapshot === "" ? engine : openSnapshot(engine, options.snapshot);
    // A journal that is shown replayed, and a snapshot, have content that is not in its place.
    const isPlain = shown.volume.device === device;
    const fileSystem = serveEngine(shown, {
      ...(options.singleThread || !isPlain ? {} : { backgroundReader: reads }),
      commitMs: options.commitSeconds * 1000,
      monotonicMs: () => performance.now(),
    });
    if (makeGuests !== undefined) {
      guests = new makeGuests(fileSystem, options.vhostUser, (text) => observer.log(text));
    }
    session = new FuseSession(
      mount.descriptor,
      guests?.mountView ?? withSnapshots(fileSystem, options),
      {
        stopEvent,
        posixAcl: checksPermissions(options),
        attributesValidMs: ATTRIBUTES_VALID_MS,
        writeback: options.writeback,
        noticeThread: notices.thread,
        operations: control.operations,
        beforeEnd: () => control.end(),
        onReady: () => {
          setReadAhead(options.mountPoint, READ_AHEAD_KIB);
          observer.ready();
        },
        ...(options.debug ? { trace: (line: string) => console.error(line) } : {}),
      },
    );
    session.watch(journal.event, () => journal.reap());
    reads.serve(session);
    if (options.practice) practiseWithin(session, engine);
    control.serve(session, fileSystem, options, () => notices.start(session));
    if (guests !== undefined) {
      notices.start(session);
      guests.serve(session);
    }
    if (!options.readOnly && !options.singleThread) journal.startWithin(session);
    stopAtSignals(session, signals, options.mountPoint, stopEvent);
  } catch (error) {
    mount?.close();
    if (engine !== undefined) closeQuietly(engine);
    observer.failed(placed(options, messageOf(error)));
    return 1;
  }
  try {
    const end = session.run();
    observer.log(`${options.mountPoint}: ${end}`);
  } catch (error) {
    observer.log(`serving ended: ${messageOf(error)}`);
    status = 2;
  }
  guests?.close();
  mount.close();
  try {
    closeEngine(engine);
  } catch (error) {
    observer.log(`${options.image}: not closed cleanly: ${messageOf(error)}`);
    status = 2;
  }
  if (engine.volume.transactions.stopped !== "") status = 2;
  journal.close();
  notices.close();
  return status;
}

function practiseWithin(session: FuseSession, engine: Engine): void {
  const practice = new Practice({
    engine,
    requests: () => session.server.ticket,
    monotonicMs: () => performance.now(),
  });
  session.inBackground(() => practice.turn());
}

/** A mount has its snapshots in `.snapshots`; one that shows a snapshot has not. */
function withSnapshots(fileSystem: Ext4FileSystem, { snapshot }: KfsOptions): FileSystem {
  return snapshot === "" ? new SnapshotFileSystem(fileSystem) : fileSystem;
}

/**
 * Opens the image. One that is in use is tried again for a second: the process of an unmounted file
 * system may still be closing it.
 */
function openDevice(options: KfsOptions): FileDevice {
  const { readOnly, offsetBytes } = options;
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 1;; tries++) {
    try {
      return openFileDevice(options.image, { readOnly, offsetBytes });
    } catch (error) {
      const busy = error instanceof SystemError && error.errno === ERRNO.EBUSY;
      if (!busy || tries === LOCK_TRIES) throw error;
      Atomics.wait(sleep, 0, 0, LOCK_WAIT_MS);
    }
  }
}

function openImage(
  device: FileDevice,
  options: KfsOptions,
  parts: {
    readonly signals: number;
    readonly writeQueue: WriteQueue;
    readonly panic: () => void;
  },
  report: (text: string) => void,
): Engine {
  const { signals, writeQueue, panic } = parts;
  const clock: Clock = {
    seconds: 0,
    nanoseconds: 0,
    read(): void {
      realTime(this);
    },
  };
  let journalDevice: FileDevice | undefined;
  try {
    if (options.journalPath !== "") {
      journalDevice = openFileDevice(options.journalPath, { readOnly: options.readOnly });
    }
    return openEngine(device, {
      readOnly: options.readOnly,
      cacheBytes: options.cacheBytes,
      cachedInodes: CACHED_INODES,
      ...(options.errors === "" ? {} : { errors: options.errors }),
      clock,
      report,
      panic,
      accessTime: options.accessTime,
      noDirectoryAccessTime: options.noDirectoryAccessTime,
      lazyTime: options.lazyTime,
      sync: options.sync,
      directorySync: options.directorySync,
      dataMode: options.dataMode,
      barriers: options.barriers,
      discard: options.discard,
      snapshotFull: options.snapshotFull,
      random: randomWords(),
      noRecovery: options.noRecovery,
      mountPoint: options.mountPoint,
      quotaLimits: options.quotaLimits,
      host: thisHost(options.image, signals),
      writeQueue,
      ...(journalDevice === undefined ? {} : { journalDevice }),
    });
  } catch (error) {
    journalDevice?.close();
    device.close();
    throw error;
  }
}

/** This host for multiple mount protection; a signal ends a wait. */
export function thisHost(image: string, signals: number): MultiMountHost {
  return {
    nodeName: hostName(),
    deviceName: image.replace(/.*\//, ""),
    monotonicMs: () => performance.now(),
    wait(milliseconds: number): boolean {
      const polled = new PollSet();
      let stopped = false;
      polled.add(signals, () => void (stopped = true));
      const end = performance.now() + milliseconds;
      for (let left = milliseconds; left > 0 && !stopped; left = end - performance.now()) {
        polled.wait(left);
      }
      return !stopped;
    },
  };
}

/**
 * Mounts, if possible so that umount(2) and sync(2) wait for this process. The kernel does that only for
 * FUSE mounts of a block device; for root a loop device on the image serves as that device. Nothing is
 * read or written through it, and it detaches itself with the unmount.
 */
function mountImage(options: KfsOptions, device: FileDevice): FuseMount {
  const plain = (): FuseMount =>
    mountFuse({
      ...commonMountOptions(options),
      source: options.fsname === "" ? options.image : options.fsname,
    });
  if (effectiveUid() !== 0 || options.fsname !== "") return plain();
  let loop: LoopDevice;
  try {
    loop = attachLoop(device.descriptor, options.image, options.readOnly);
  } catch {
    return plain();
  }
  try {
    return mountFuse({ ...commonMountOptions(options), blockDevice: loop.path });
  } finally {
    loop.close();
  }
}

function commonMountOptions(options: KfsOptions): MountOptions {
  return {
    mountPoint: options.mountPoint,
    subtype: options.subtype,
    readOnly: options.readOnly,
    allowOther: options.allowOther,
    defaultPermissions: checksPermissions(options),
    others: options.kernel,
  };
}

/**
 * Whether the kernel checks permissions. A mount of root's without `allow_other` lets only root in, who
 * may do everything; checking would cost a request for each change of a directory, because the kernel
 * then asks for its attributes anew.
 */
function checksPermissions(options: KfsOptions): boolean {
  return effectiveUid() !== 0 || options.allowOther || options.defaultPermissions;
}

function closeQuietly(engine: Engine): void {
  try {
    closeEngine(engine);
  } catch {
    // The first error is the one to tell.
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message with the image's name before it, if it does not begin with a place of its own. */
function placed({ image, mountPoint }: KfsOptions, message: string): string {
  const hasPlace = message.startsWith(image) || message.startsWith(mountPoint);
  return hasPlace ? message : `${image}: ${message}`;
}
