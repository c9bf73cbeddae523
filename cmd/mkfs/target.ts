/**
 * The device or file that mkfs works on: checked before anything is written, made or grown afterwards.
 *
 * @module
 */

import { createFileDevice, openFileDevice } from "../../ffi/device/open.ts";
import type { FileDevice } from "../../ffi/device/file_device.ts";
import { findSignature } from "../../fs/mkfs/signature.ts";
import type { Storage } from "../../fs/mkfs/options.ts";
import { CommandError } from "../shared/command_error.ts";
import { usedBy } from "../shared/in_use.ts";
import type { Request } from "./read_options.ts";

/** What is known of the target before it is opened for writing. */
export interface Target {
  readonly exists: boolean;
  readonly isBlock: boolean;
  /** Size of the storage that the file system may take, in bytes. */
  readonly deviceBytes: number;
  readonly storage: Storage;
}

/** Looks at the target and refuses what cannot or should not be formatted. @throws CommandError */
export function inspectTarget(request: Request): Target {
  const { path, sizeBytes, offsetBytes } = request;
  const info = statOrUndefined(path);
  if (info === undefined) {
    if (sizeBytes === undefined) {
      throw new CommandError(`${path} does not exist, and no SIZE was given to make it`);
    }
    return { exists: false, isBlock: false, deviceBytes: sizeBytes, storage: "zeros" };
  }
  if (info.isDirectory) throw new CommandError(`${path} is a directory`);
  const isBlock = info.isBlockDevice === true;
  if (!isBlock && !info.isFile) {
    throw new CommandError(`${path} is neither a file nor a block device`);
  }
  if (!request.dryRun) {
    if (request.force < 2) refuseInUse(path);
    const opened = openFileDevice(path, { readOnly: true, lock: false, offsetBytes: 0 });
    const wholeBytes = opened.sizeBytes;
    opened.close();
    return existing(request, isBlock, wholeBytes);
  }
  const wholeBytes = isBlock ? sizeOf(path) : info.size;
  return existing(request, isBlock, Math.max(wholeBytes, sizeBytes ?? 0 + offsetBytes));
}

function existing(request: Request, isBlock: boolean, wholeBytes: number): Target {
  const { path, sizeBytes, offsetBytes } = request;
  const storage = isBlock ? "device" : "sparse";
  const room = wholeBytes - offsetBytes;
  if (sizeBytes !== undefined) {
    if (isBlock && sizeBytes > room) {
      throw new CommandError(`${path} has room for ${Math.max(0, room)} bytes, not ${sizeBytes}`);
    }
    return { exists: true, isBlock, deviceBytes: sizeBytes, storage };
  }
  if (room <= 0) {
    throw new CommandError(
      wholeBytes === 0
        ? `${path} is empty, and no SIZE was given`
        : `${path} ends before -E offset`,
    );
  }
  return { exists: true, isBlock, deviceBytes: room, storage };
}

function sizeOf(path: string): number {
  const device = openFileDevice(path, { readOnly: true, lock: false });
  const { sizeBytes } = device;
  device.close();
  return sizeBytes;
}

function statOrUndefined(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Error) throw new CommandError(`${path}: ${error.message}`);
    throw error;
  }
}

function refuseInUse(path: string): void {
  const user = usedBy(path);
  if (user !== undefined) throw new CommandError(`${user}; will not make a file system there`);
}

/** Opens the target for writing: made or grown as SIZE says. The caller closes it. */
export function openTarget(request: Request, target: Target): FileDevice {
  const { path, offsetBytes } = request;
  const sizeBytes = target.deviceBytes;
  if (!target.exists) {
    return createFileDevice(path, sizeBytes, { offsetBytes, mustBeNew: true });
  }
  const lacks = !target.isBlock && Deno.statSync(path).size < offsetBytes + sizeBytes;
  if (lacks) return createFileDevice(path, sizeBytes, { offsetBytes, keepContents: true });
  return openFileDevice(path, { offsetBytes, sizeBytes });
}

/** Asks before something that is recognised gets overwritten. @throws CommandError when it is not to be. */
export function refuseOverwrite(request: Request, target: Target): void {
  if (!target.exists || request.force > 0) return;
  const { path, offsetBytes } = request;
  const device = openFileDevice(path, { readOnly: true, lock: false });
  const room = Math.max(0, Math.min(device.sizeBytes - offsetBytes, target.deviceBytes));
  device.close();
  if (room === 0) return;
  const view = openFileDevice(path, { readOnly: true, lock: false, offsetBytes, sizeBytes: room });
  const found = findSignature(view);
  view.close();
  if (found === undefined) return;
  const label = found.label === "" ? "" : ` labelled '${found.label}'`;
  const contains = `${path} holds data: ${found.type}${label}`;
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    throw new CommandError(`${contains}; -F overwrites it`);
  }
  const answer = prompt(`${contains}\nProceed anyway? (y,N)`) ?? "";
  if (!/^y/i.test(answer.trim())) throw new CommandError("nothing was changed");
}
