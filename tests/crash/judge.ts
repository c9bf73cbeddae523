/**
 * What must hold of every crash state: recovery succeeds, the tree is that of one moment between the last
 * promise and the crash, and every file holds its own bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { BlockDevice } from "../../fs/device/device.ts";
import { openEngine } from "../../fs/ops/open_volume.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import { crashOptions } from "./engine_options.ts";
import { differences } from "./differences.ts";
import { devicesOf } from "./parts.ts";
import type { Step } from "./actor.ts";
import type { DataMode } from "./data_mode.ts";
import { type FoundTree, walk } from "./walk.ts";

/** A crash state that is not as it must be. */
export class CrashFault extends Error {
  override readonly name = "CrashFault";
}

/** Which steps' trees a state may show. */
export interface Bounds {
  /** The last step that was promised to be durable. */
  readonly first: number;
  /** The last step that had begun. */
  readonly last: number;
}

/** What a workload did, and what may be expected of it. */
export interface History {
  readonly steps: readonly Step[];
  readonly mode: DataMode;
  /** Modification times are not known. */
  readonly noTimes?: boolean;
  /** Bytes of the journal's device behind the file system's. */
  readonly journalBytes?: number;
}

/** Finds steps by what they left. */
export class StepFinder {
  readonly #steps = new Map<string, number[]>();

  constructor(readonly history: History) {
    history.steps.forEach(({ digest }, index) => {
      const known = this.#steps.get(digest);
      if (known === undefined) this.#steps.set(digest, [index]);
      else known.push(index);
    });
  }

  bounds(events: number): Bounds {
    let [first, last] = [0, 0];
    this.history.steps.forEach((step, index) => {
      if ((step.durableEvent ?? Infinity) <= events) first = index;
      if (step.beginEvent <= events) last = index;
    });
    return { first, last };
  }

  /** The bounds when everything has been done that was ever asked for. */
  lastBounds(): Bounds {
    return this.bounds(Number.MAX_SAFE_INTEGER);
  }

  /** The steps within the bounds after which the tree was this. */
  candidates(digest: string, { first, last }: Bounds): readonly number[] {
    return (this.#steps.get(digest) ?? []).filter((step) => step >= first && step <= last);
  }

  /** All steps after which the tree was this. */
  all(digest: string): readonly number[] {
    return this.#steps.get(digest) ?? [];
  }
}

/** Opens, reads everything, and leaves the engine open. @throws CrashFault */
export function recover(
  device: BlockDevice,
  { mode, journalBytes = 0 }: History,
  readOnly: boolean,
): { readonly engine: Engine; readonly tree: FoundTree } {
  const said: string[] = [];
  const options = crashOptions((text) => said.push(text), {
    ...mode.options,
    readOnly,
  });
  try {
    const devices = devicesOf(device, journalBytes);
    const engine = openEngine(devices.device, { ...options, ...devices });
    return { engine, tree: walk(engine) };
  } catch (error) {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    throw new CrashFault(`recovery${readOnly ? " (ro)" : ""} failed: ${text}\n${said.join("\n")}`);
  }
}

/** @throws CrashFault */
export function judgeTree(tree: FoundTree, finder: StepFinder, bounds: Bounds): void {
  const { history } = finder;
  const digest = history.noTimes === true ? tree.plainDigest : tree.digest;
  const candidates = finder.candidates(digest, bounds);
  if (candidates.length === 0) {
    const where = finder.all(digest);
    const old = where.length > 0 ? ` (it is that of step ${where.join(", ")})` : "";
    throw new CrashFault(
      `the tree is that of no step from ${bounds.first} to ${bounds.last}${old}:\n` +
        differences(tree, history.steps, bounds),
    );
  }
  // The earliest allows most, unless nothing may have changed later.
  const exact = history.mode.promise === "journal";
  let fault: string | undefined;
  for (const step of exact ? candidates : candidates.slice(0, 1)) {
    fault = contentFault(tree, history, step, bounds);
    if (fault === undefined) return;
  }
  throw new CrashFault(`contents, as of step ${candidates[0]}: ${fault}`);
}

function contentFault(
  tree: FoundTree,
  { steps, mode }: History,
  step: number,
  bounds: Bounds,
): string | undefined {
  const snapshot = steps[step]?.snapshot;
  const { promise } = mode;
  for (const [path, { content }] of tree.entries) {
    const node = snapshot?.get(path)?.node;
    if (node?.kind !== "file") continue;
    const fault = promise === "writeback"
      ? node.content.syncedFault(content, bounds.first, bounds.last)
      : node.content.fault(content, step, bounds.last, promise === "journal");
    if (fault !== undefined) return `${path} (inode ${node.ino}): ${fault}`;
  }
  return undefined;
}

/**
 * Two recoveries of one state must show the same.
 * @param noTimes leave modification times out.
 * @throws CrashFault
 */
export function mustAgree(own: FoundTree, other: FoundTree, who: string, noTimes = false): void {
  for (const [path, { line, mtime, content }] of own.entries) {
    const found = other.entries.get(path);
    const name = path === "" ? "/" : path;
    if (found === undefined) throw new CrashFault(`${who}: ${name} is missing`);
    if (found.line !== line) throw new CrashFault(`${who}: ${name} is ${found.line}, not ${line}`);
    if (!noTimes && found.mtime !== mtime) {
      throw new CrashFault(`${who}: ${name} has the time ${found.mtime}, not ${mtime}`);
    }
    if (Buffer.compare(content, found.content) !== 0) {
      throw new CrashFault(`${who}: ${name} has other bytes`);
    }
  }
  for (const path of other.entries.keys()) {
    if (!own.entries.has(path)) throw new CrashFault(`${who}: ${path} is there as well`);
  }
}
