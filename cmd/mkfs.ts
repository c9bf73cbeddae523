/**
 * mkfs: makes ext4 (ext2, ext3) file systems in image files and on block devices.
 *
 * @module
 */

import type { BlockDevice } from "../fs/device/device.ts";
import { format, type FormatResult, planFormat } from "../fs/mkfs/format.ts";
import type { FormatOptions } from "../fs/mkfs/options.ts";
import { S_IFDIR } from "../fs/layout/inode.ts";
import type { NodeAttributes, PopulateResult } from "../fs/mkfs/populate.ts";
import { formatBytes, parseNumber } from "./shared/amount.ts";
import type { Identifiers } from "../build/reproducible.ts";
import type { ImageContent } from "../build/content.ts";
import type { Copy } from "./mkfs/content.ts";
import type { TreeCopy } from "./mkfs/copy_tree.ts";
import { MKFS } from "./mkfs/command.ts";
import { parseBadBlocks, readRequest, type Request } from "./mkfs/read_options.ts";
import type { Placement } from "./mkfs/placement.ts";
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
  const bar = new ProgressBar(!request.quiet && !request.json);
  const plain = plainDirectory(request);
  if (plain !== undefined) {
    checkSource(plain);
    return await run(request, plain, undefined, bar);
  }
  if (request.build.from.length + request.build.extraFiles.length === 0) {
    return await run(request, undefined, undefined, bar);
  }
  const { epochOf, loadContent } = await import("./mkfs/content.ts");
  const epoch = sourceDateEpoch();
  const now = epoch ?? Math.floor(Date.now() / 1000);
  const limit = epochOf(request, epoch);
  const content = await loadContent(request, limit ?? now, limit, bar.update);
  try {
    return await run(request, undefined, content, bar);
  } finally {
    content[Symbol.dispose]();
  }
}

/** SOURCE_DATE_EPOCH in seconds, if it is set. @throws CommandError */
function sourceDateEpoch(): number | undefined {
  const text = Deno.env.get("SOURCE_DATE_EPOCH");
  return text === undefined ? undefined : parseNumber(text, "SOURCE_DATE_EPOCH");
}

/** The directory to be copied when that is all that is wanted: it can be copied while it is read. */
function plainDirectory({ build, path, sizeBytes }: Request): string | undefined {
  const [source, ...more] = build.from;
  const changes = more.length + build.extraFiles.length + (build.exclude?.length ?? 0) +
    (build.include?.length ?? 0) + (build.mapUsers?.length ?? 0) + (build.mapGroups?.length ?? 0);
  const wants = build.sizing !== undefined || build.reproducible || build.verify ||
    build.manifest !== undefined || build.owner !== undefined ||
    Deno.env.has("SOURCE_DATE_EPOCH");
  if (source === undefined || source === "-" || changes > 0 || wants) return undefined;
  if (sizeBytes === undefined && !exists(path)) return undefined;
  return isDirectoryOrMissing(source) ? source : undefined;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).size > 0 || !Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function isDirectoryOrMissing(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return true;
  }
}

async function run(
  asked: Request,
  directory: string | undefined,
  content: ImageContent | undefined,
  bar: ProgressBar,
): Promise<number> {
  const { place } = asked.build.gpt || content !== undefined
    ? await import("./mkfs/placement.ts")
    : { place: (request: Request) => ({ request, disk: undefined, fileBytes: undefined }) };
  const placement: Placement = await place(
    asked,
    content,
    () => completeOptions(asked, { storage: "zeros", isBlock: false }),
  );
  const { request } = placement;
  const target = inspectTarget(request);
  const completed = await completeOptions(request, target);
  const { options, identifiers } = await fixIdentifiers(request, target, completed, content);
  const plan = planFormat(target.deviceBytes, options);
  if (request.dryRun) {
    print(placement, plan, undefined);
    return 0;
  }
  if (placement.disk !== undefined) refuseOverwrite({ ...request, offsetBytes: 0 }, target);
  refuseOverwrite(request, target);
  return await make({ placement, target, options, identifiers, directory, content, bar });
}

/** With a time that was chosen nothing is left to chance. */
async function fixIdentifiers(
  request: Request,
  target: Target,
  options: FormatOptions,
  content: ImageContent | undefined,
): Promise<{ options: FormatOptions; identifiers: Identifiers | undefined }> {
  const epoch = sourceDateEpoch();
  if (epoch === undefined && !request.build.reproducible) {
    return { options, identifiers: undefined };
  }
  const { DEFAULT_EPOCH, makeReproducible } = await import("../build/reproducible.ts");
  const sized = { ...options, sizeBytes: options.sizeBytes ?? target.deviceBytes };
  const fixed = makeReproducible(sized, content?.tree, epoch ?? DEFAULT_EPOCH);
  // A size that was not given is rounded otherwise than one that was.
  const { sizeBytes: _, ...others } = fixed.options;
  const { sizeBytes } = options;
  return { ...fixed, options: sizeBytes === undefined ? others : { ...others, sizeBytes } };
}

/** Everything that making it takes. */
interface Work {
  readonly placement: Placement;
  readonly target: Target;
  readonly options: FormatOptions;
  readonly identifiers: Identifiers | undefined;
  /** To be copied as it is read. */
  readonly directory: string | undefined;
  /** To be put in. */
  readonly content: ImageContent | undefined;
  readonly bar: ProgressBar;
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
async function completeOptions(
  request: Request,
  target: Pick<Target, "storage" | "isBlock">,
): Promise<FormatOptions> {
  const options: { -readonly [K in keyof FormatOptions]: FormatOptions[K] } = {
    ...request.format,
    storage: target.storage,
    nodeName: Deno.hostname(),
    deviceName: request.path,
  };
  const seconds = sourceDateEpoch();
  if (seconds !== undefined) options.clock = () => seconds;
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

async function make(work: Work): Promise<number> {
  const { placement, target, content, bar } = work;
  const { request } = placement;
  const file = openTarget(request, target);
  let made = false;
  let device: BlockDevice = file;
  let directoryCopy: TreeCopy | undefined;
  try {
    if (request.directIo) {
      const { DirectDevice } = await import("./mkfs/direct_device.ts");
      device = new DirectDevice(file);
    }
    if (request.build.sparse) device = await sparse(device, target);
    if (work.directory !== undefined) {
      directoryCopy = await startCopy(request, work.directory, work.options, bar);
    }
    const copy: Copy | undefined = directoryCopy ?? content;
    const { options } = work;
    const scanned = request.scan > 0 ? await scan(request, device, options, bar) : options;
    const [result, copied] = await makeFilled(device, { ...scanned, progress: bar.update }, copy);
    bar.clear();
    if (content !== undefined) await tellContent(request, content, device);
    if (placement.disk !== undefined || placement.fileBytes !== undefined) {
      const { finishDisk } = await import("./mkfs/placement.ts");
      finishDisk(placement, work.identifiers);
    }
    made = true;
    print(placement, result, copied);
    return 0;
  } finally {
    bar.clear();
    directoryCopy?.close();
    if (device !== file) device.close();
    file.close();
    if (!made && !target.exists) Deno.removeSync(request.path);
  }
}

async function sparse(device: BlockDevice, target: Target): Promise<BlockDevice> {
  if (target.isBlock) throw new CommandError("--sparse is for image files");
  const { SparseDevice } = await import("../build/sparse_device.ts");
  return new SparseDevice(device);
}

async function tellContent(
  { build }: Request,
  content: ImageContent,
  device: BlockDevice,
): Promise<void> {
  const { mustVerify, writeManifest } = await import("./mkfs/content.ts");
  if (build.verify) mustVerify(content, device);
  if (build.manifest !== undefined) writeManifest(content, build.manifest);
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

async function makeFilled(
  device: BlockDevice,
  options: FormatOptions,
  copy: Copy | undefined,
): Promise<readonly [FormatResult, PopulateResult | undefined]> {
  if (copy === undefined) return [format(device, options), undefined];
  const { formatFilled } = await import("../build/fill.ts");
  return await formatFilled(device, options, (sink) => copy.run(sink));
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
  { request, disk }: Placement,
  result: FormatResult,
  copied: PopulateResult | undefined,
): void {
  if (request.json) {
    console.log(toJson(request.path, result, request.dryRun, copied, request.offsetBytes, disk));
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
