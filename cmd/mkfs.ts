/**
 * mkfs: makes ext4 (ext2, ext3) file systems in image files and on block devices.
 *
 * @module
 */

import type { BlockDevice } from "../fs/device/device.ts";
import { Incompat } from "../fs/layout/features.ts";
import { format, type FormatResult, planFormat } from "../fs/mkfs/format.ts";
import type { FormatOptions } from "../fs/mkfs/options.ts";
import { S_IFDIR } from "../fs/layout/inode.ts";
import type { NodeAttributes, PopulateResult } from "../fs/mkfs/populate.ts";
import { formatBytes, parseNumber } from "./shared/amount.ts";
import type { TreeCopy } from "./mkfs/copy_tree.ts";
import { MKFS } from "./mkfs/command.ts";
import { parseBadBlocks, readRequest, type Request } from "./mkfs/read_options.ts";
import { describe, toJson } from "./mkfs/report.ts";
import { inspectTarget, openTarget, refuseOverwrite, type Target } from "./mkfs/target.ts";
import { CommandError, runCommand } from "./shared/command_error.ts";
import { helpText, parseCommandLine } from "./shared/command_line.ts";
import { ProgressBar } from "./shared/progress.ts";
import { VERSION } from "./shared/version.ts";

/** Runs mkfs with these arguments; returns the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const line = parseCommandLine(MKFS, args);
  if (line.has("h")) {
    console.log(await helpText(MKFS));
    return 0;
  }
  if (line.has("V")) {
    console.log(`mkfs (kfs) ${VERSION}`);
    return 0;
  }
  const request = readRequest(line);
  if (request.source !== undefined) checkSource(request.source);
  const target = inspectTarget(request);
  const options = await completeOptions(request, target);
  const plan = planFormat(target.deviceBytes, options);
  if (request.dryRun) {
    print(request, plan, undefined);
    return 0;
  }
  refuseOverwrite(request, target);
  return await make(request, target, options);
}

function checkSource(path: string): void {
  let isDirectory = false;
  try {
    isDirectory = Deno.statSync(path).isDirectory;
  } catch {
    throw new CommandError(`-d: ${path} cannot be read`);
  }
  if (!isDirectory) throw new CommandError(`-d: ${path} is not a directory`);
}

/** Adds what has to be looked up on this machine. */
async function completeOptions(request: Request, target: Target): Promise<FormatOptions> {
  const options: { -readonly [K in keyof FormatOptions]: FormatOptions[K] } = {
    ...request.format,
    storage: target.storage,
    nodeName: Deno.hostname(),
    deviceName: request.path,
  };
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH");
  if (epoch !== undefined) {
    const seconds = parseNumber(epoch, "SOURCE_DATE_EPOCH");
    options.clock = () => seconds;
  }
  if (request.sizeBytes !== undefined) options.sizeBytes = request.sizeBytes;
  if (request.badBlocksFile !== undefined) {
    const file = request.badBlocksFile;
    options.badBlocks = parseBadBlocks(await Deno.readTextFile(file), file);
  }
  if (request.journalDevice !== undefined) {
    const { journalDeviceOptions } = await import("./mkfs/block_device.ts");
    Object.assign(options, journalDeviceOptions(request.journalDevice, options));
  }
  if (target.isBlock) {
    const { blockDeviceOptions } = await import("./mkfs/block_device.ts");
    Object.assign(options, blockDeviceOptions(request.path));
  }
  return options;
}

async function make(request: Request, target: Target, options: FormatOptions): Promise<number> {
  const bar = new ProgressBar(!request.quiet && !request.json);
  const file = openTarget(request, target);
  let made = false;
  let device: BlockDevice = file;
  let copy: TreeCopy | undefined;
  try {
    if (request.directIo) {
      const { DirectDevice } = await import("./mkfs/direct_device.ts");
      device = new DirectDevice(file);
    }
    if (request.source !== undefined) copy = await startCopy(request, request.source, options, bar);
    const scanned = request.scan > 0 ? await scan(request, device, options, bar) : options;
    const [result, copied] = await makeFilled(device, { ...scanned, progress: bar.update }, copy);
    bar.clear();
    made = true;
    print(request, result, copied);
    return 0;
  } finally {
    bar.clear();
    copy?.close();
    if (device !== file) device.close();
    file.close();
    if (!made && !target.exists) Deno.removeSync(request.path);
  }
}

async function scan(
  request: Request,
  device: BlockDevice,
  options: FormatOptions,
  bar: ProgressBar,
): Promise<FormatOptions> {
  const { findBadBlocks } = await import("./mkfs/bad_blocks.ts");
  const { superblock } = planFormat(device.sizeBytes, options);
  const bad = findBadBlocks(device, superblock.blockBytes, request.scan > 1, bar.update);
  return { ...options, badBlocks: [...options.badBlocks ?? [], ...bad] };
}

/** Features with which the engine has to fill the file system, after it was made. */
const NEEDS_ENGINE = Incompat.INLINE_DATA | Incompat.EA_INODE;

async function makeFilled(
  device: BlockDevice,
  options: FormatOptions,
  copy: TreeCopy | undefined,
): Promise<readonly [FormatResult, PopulateResult | undefined]> {
  if (copy === undefined) return [format(device, options), undefined];
  const plan = planFormat(device.sizeBytes, options);
  if (!plan.superblock.hasIncompat(NEEDS_ENGINE)) {
    const { bulkFill } = await import("../fs/mkfs/bulk_sink.ts");
    let copied: PopulateResult | undefined;
    const fill = bulkFill((sink) => copied = copy.run(sink));
    return [format(device, { ...options, fill }), copied];
  }
  const { EngineSink } = await import("../fs/mkfs/engine_sink.ts");
  const result = format(device, options);
  const sink = new EngineSink(device, result.superblock.writeTime);
  const copied = copy.run(sink);
  sink.finish();
  result.superblock.bytes.set(sink.superblock.bytes);
  return [result, copied];
}

/** Starts reading the tree to be copied. */
async function startCopy(
  request: Request,
  source: string,
  options: FormatOptions,
  bar: ProgressBar,
): Promise<TreeCopy> {
  const { TreeCopy } = await import("./mkfs/copy_tree.ts");
  return new TreeCopy(source, request.path, {
    copyXattrs: request.copyXattrs,
    root: rootAttributes(options),
    progress: bar.update,
    warn: (message) => console.error(`mkfs: warning: ${message}`),
  });
}

/** The root directory is that of an empty file system, whoever owns the tree. */
function rootAttributes(options: FormatOptions): NodeAttributes {
  const seconds = Math.floor(options.clock?.() ?? Date.now() / 1000);
  const time = { seconds, nanoseconds: 0 };
  const { rootUid: uid = 0, rootGid: gid = 0, rootPermissions = 0o755 } = options;
  return { mode: S_IFDIR | rootPermissions, uid, gid, atime: time, mtime: time, ctime: time };
}

function print(
  request: Request,
  result: FormatResult,
  copied: PopulateResult | undefined,
): void {
  if (request.json) {
    console.log(toJson(request.path, result, request.dryRun, copied));
    return;
  }
  if (request.quiet && !request.dryRun) return;
  for (const warning of result.warnings) console.error(`mkfs: warning: ${warning}`);
  console.log(describe(result, request.verbose));
  if (copied !== undefined) {
    console.log(
      `Copied ${copied.files} files (${formatBytes(copied.bytes)}), ${copied.directories} ` +
        `directories, ${copied.symlinks} symbolic links, ${copied.specials} special files, ` +
        `${copied.hardLinks} further names`,
    );
  }
}

if (import.meta.main) runCommand("mkfs", () => main(Deno.args));
