/**
 * Workloads on a device that begins to fail, and what must hold then: callers are told, what was promised
 * before is still there, and nothing that contradicts it.
 *
 * @module
 */

import { type Fault, FaultingDevice } from "../../fs/device/faulting.ts";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { EIO, ENOSPC, EROFS } from "../../fs/errno.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import { finishEngine, openEngine } from "../../fs/ops/open_volume.ts";
import type { ErrorBehavior } from "../../fs/volume/volume.ts";
import { Random } from "../harness/seed.ts";
import { Actor, TargetGone } from "./actor.ts";
import { DATA_MODES } from "./data_mode.ts";
import { DeferredQueue } from "./deferred_queue.ts";
import { crashOptions } from "./engine_options.ts";
import { EngineTarget } from "./engine_target.ts";
import type { History } from "./judge.ts";
import type { Node } from "./model.ts";
import { OverlayDevice } from "./overlay_device.ts";
import { makeBase, type Shape } from "./shapes.ts";
import type { Target } from "./target.ts";
import { WORKLOADS } from "./workloads.ts";

/** A mount, and when its device begins to fail in which way. */
export interface FaultCase {
  readonly shape: Shape;
  readonly workload: string;
  readonly mode: string;
  readonly background: boolean;
  readonly errors: ErrorBehavior;
  readonly seed: number;
  readonly steps: number;
  readonly fault: Fault;
}

/** How it ended. */
export interface FaultOutcome {
  readonly history: History;
  /** What the storage holds. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The errno that the first failing operation was answered with; 0 when none failed. */
  readonly errno: number;
  /** Calls of the device that failed. */
  readonly failures: number;
  /** Answers to an fsync and to a change after the first failure. */
  readonly fsync: number;
  readonly change: number;
  /** A listing still worked. */
  readonly readable: boolean;
  /** Read-only before these, and after them. */
  readonly stoppedBefore: boolean;
  readonly readOnly: boolean;
  readonly panicked: boolean;
  readonly reports: readonly string[];
}

/** The target whose errors are answers, as in the FUSE port; the first one ends the workload. */
function guarded(target: EngineTarget, engine: Engine, failed: (errno: number) => void): Target {
  let stopped = false;
  const fail = (errno: number): void => {
    stopped = true;
    failed(errno);
  };
  return new Proxy<Target>(target, {
    get(object, name): unknown {
      if (name === "stopped") return stopped;
      const member: unknown = Reflect.get(object, name, object);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        try {
          const result: unknown = member.apply(object, args);
          if (result !== -EIO && result !== -EROFS) return result;
          fail(-result);
        } catch (error) {
          fail(-engine.errnoOf(error, String(name)));
        }
        // It may have been done all the same, or in part.
        const [, , bytes] = args;
        return bytes instanceof Uint8Array ? bytes.length : 0;
      };
    },
  });
}

/** Works until something fails or the steps are done. */
export function runFault(wanted: FaultCase): FaultOutcome {
  const mode = DATA_MODES.find(({ name }) => name === wanted.mode);
  const workload = WORKLOADS.get(wanted.workload);
  if (mode === undefined || workload === undefined) throw new Error(JSON.stringify(wanted));
  const storage = new OverlayDevice(makeBase(wanted.shape, wanted.seed));
  const faulting = new FaultingDevice(storage);
  const device = new RecordingDevice(faulting);
  const reports: string[] = [];
  let panicked = false;
  const queue = wanted.background ? new DeferredQueue() : undefined;
  const engine = openEngine(
    device,
    crashOptions((text) => reports.push(text), {
      ...mode.options,
      errors: wanted.errors,
      panic: () => panicked = true,
      ...(queue === undefined ? {} : { writeQueue: queue }),
    }),
  );
  let errno = 0;
  const inner = new EngineTarget(engine, device, queue);
  const target = guarded(inner, engine, (found) => errno ||= found);
  const actor = new Actor(target, new Random(wanted.seed), {
    everyStepDurable: mode.everyStepDurable === true,
    ...(mode.promise === "journal" ? { longestWriteBytes: 32 << 10 } : {}),
  });
  faulting.arm(wanted.fault);
  try {
    workload(actor, wanted.steps);
  } catch (error) {
    if (!(error instanceof TargetGone)) throw error;
  }
  const stoppedBefore = engine.volume.readOnly;
  const fsync = answerOf(engine, () => engine.sync(true));
  const change = answerOf(engine, () => void inner.chmod(actor.root, 0o755));
  const readable = answerOf(engine, () => void [...listNames(engine, actor.root)]) === 0;
  const { readOnly } = engine.volume;
  for (const node of actor.opened) answerOf(engine, () => void inner.close(node));
  answerOf(engine, () => finishEngine(engine));
  return {
    history: { steps: actor.steps, mode },
    bytes: storage.toBytes(),
    errno,
    failures: faulting.failures,
    fsync,
    change,
    readable,
    stoppedBefore,
    readOnly,
    panicked,
    reports,
  };
}

function listNames(engine: Engine, root: Node): number[] {
  return [engine.inode(root.ino).size];
}

/** 0, or the negated errno that a caller would see. */
function answerOf(engine: Engine, work: () => void): number {
  try {
    work();
    return 0;
  } catch (error) {
    return engine.errnoOf(error, "afterwards");
  }
}

/** What a caller may be told of a device that fails. */
export const FAULT_ANSWERS: readonly number[] = [EIO, ENOSPC, EROFS];
