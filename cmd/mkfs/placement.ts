/**
 * How large the image becomes, and where in the file or on the disk it lies.
 *
 * @module
 */

import type { ImageContent } from "../../build/content.ts";
import { gptAround, type GptLayout, gptLayout, gptParts } from "../../build/gpt.ts";
import type { Identifiers } from "../../build/reproducible.ts";
import { openFileDevice } from "../../ffi/device/open.ts";
import type { FormatOptions } from "../../fs/mkfs/options.ts";
import { CommandError } from "../shared/command_error.ts";
import { parseUuid } from "../shared/uuid.ts";
import type { Request } from "./read_options.ts";

/** A request whose size and offset are settled. */
export interface Placement {
  readonly request: Request;
  /** The disk around it, with --gpt. */
  readonly disk: GptLayout | undefined;
  /** The file is to have this size in the end; undefined leaves that to SIZE. */
  readonly fileBytes: number | undefined;
}

const PARTITION_NAME = "Linux filesystem";

/**
 * Settles size and offset.
 * @param complete adds to the options what has to be looked up.
 * @throws CommandError, FormatError
 */
export async function place(
  request: Request,
  content: ImageContent | undefined,
  complete: () => Promise<FormatOptions>,
): Promise<Placement> {
  const { build, path } = request;
  const info = statOrUndefined(path);
  const isNew = info === undefined || (info.isFile && info.size === 0);
  const wanted = build.sizing !== undefined ||
    (content !== undefined && request.sizeBytes === undefined && isNew);
  if (content === undefined || !wanted) return placeFixed(request, info);
  if (info !== undefined && !info.isFile) {
    throw new CommandError(`${path} is no file: its size cannot be chosen`);
  }
  const { sizeBytes, usage, inodes } = content.sized(
    await complete(),
    build.sizing?.minimize ?? false,
    build.sizing?.headroom,
  );
  const format: FormatOptions = {
    ...request.format,
    ...(usage === undefined ? {} : { usage }),
    ...(inodes === undefined ? {} : { inodes }),
  };
  if (!build.gpt) {
    const fileBytes = request.offsetBytes + sizeBytes;
    return { request: { ...request, format, sizeBytes }, disk: undefined, fileBytes };
  }
  const disk = gptAround(sizeBytes);
  const minimal = build.sizing?.minimize === true;
  return {
    disk,
    fileBytes: disk.diskBytes,
    request: {
      ...request,
      format,
      offsetBytes: disk.partitionOffset,
      sizeBytes: minimal ? sizeBytes : disk.partitionBytes,
    },
  };
}

function placeFixed(request: Request, info: Deno.FileInfo | undefined): Placement {
  if (!request.build.gpt) return { request, disk: undefined, fileBytes: undefined };
  const diskBytes = request.sizeBytes ?? sizeOf(request.path, info);
  const disk = gptLayout(diskBytes);
  return {
    disk,
    fileBytes: info === undefined || info.isFile ? diskBytes : undefined,
    request: { ...request, offsetBytes: disk.partitionOffset, sizeBytes: disk.partitionBytes },
  };
}

function statOrUndefined(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

function sizeOf(path: string, info: Deno.FileInfo | undefined): number {
  if (info === undefined) {
    throw new CommandError(`${path} does not exist, and no SIZE was given to make it`);
  }
  const device = openFileDevice(path, { readOnly: true, lock: false });
  const { sizeBytes } = device;
  device.close();
  return sizeBytes;
}

/** Gives the file its size, and writes the partition table. The file system is there already. */
export function finishDisk(
  { disk, fileBytes, request }: Placement,
  identifiers: Identifiers | undefined,
): void {
  if (fileBytes !== undefined) Deno.truncateSync(request.path, fileBytes);
  if (disk === undefined) return;
  const device = openFileDevice(request.path, { lock: false });
  try {
    const parts = gptParts(disk, {
      diskId: identifiers?.of("disk") ?? randomId(),
      partitionId: identifiers?.of("partition") ?? randomId(),
      partitionName: request.format.label ?? PARTITION_NAME,
    });
    for (const { offset, bytes } of parts) device.write(bytes, offset);
    device.flush();
  } finally {
    device.close();
  }
}

function randomId(): Uint8Array {
  return parseUuid(crypto.randomUUID()) ?? new Uint8Array(16);
}
