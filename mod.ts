/**
 * ext4 images as a library: make them, open them, work in them, without FUSE and without root.
 *
 * ```ts
 * import { format, open } from "@kfs/kfs";
 *
 * format("disk.img", { size: 64 << 20, label: "demo" });
 * using image = open("disk.img");
 * image.mkdir("/etc");
 * image.writeTextFile("/etc/motd", "hello\n");
 * ```
 *
 * Everything is synchronous. See docs/library.md.
 *
 * @module
 */

export { createMemoryImage, format, type FormatOptions } from "./lib/format.ts";
export { populate, type PopulateOptions, type PopulateReport } from "./lib/populate.ts";
export { check } from "./lib/check.ts";
export { badBlocks, dump } from "./lib/dump.ts";
export { minimumSize, resize } from "./lib/resize.ts";
export { tune } from "./lib/tune.ts";
export { open, type OpenOptions } from "./lib/open.ts";
export { Image } from "./lib/image.ts";
export { ImageFile, SeekMode } from "./lib/image_file.ts";
export { MemoryImage } from "./lib/memory_image.ts";
export { FsError, type FsErrorDetails } from "./lib/fs_error.ts";

export type { EditTargetOptions } from "./lib/edit_target.ts";
export type { DumpField, DumpOptions, FileSystemDump, GroupDump } from "./lib/dump.ts";
export type { TuneChanges, TuneImageOptions } from "./lib/tune.ts";
export type { ResizeImageOptions, ResizeResult } from "./lib/resize.ts";
export type { ImageDescription } from "./lib/describe.ts";
export type { DefragmentOptions, DefragmentProgress, DefragmentResult } from "./lib/defragment.ts";
export type { Fragmentation } from "./fs/defrag/stretch.ts";
export type { FileReport, TreeProgress, TreeReport } from "./fs/defrag/tree.ts";
export type {
  ImageSnapshots,
  RestoreOptions,
  RestoreResult,
  SnapshotInfo,
  SnapshotSpace,
} from "./lib/snapshots.ts";
export type { FileExtent, FreeRun } from "./lib/fragmentation.ts";
export type { WriteFileOptions } from "./lib/content.ts";
export type { FileInfo } from "./lib/file_info.ts";
export type { MkdirOptions, MknodOptions } from "./lib/make.ts";
export type { ModeOptions, NodeOptions } from "./lib/node_options.ts";
export type { OpenFileOptions } from "./lib/open_node.ts";
export type { Path } from "./lib/path.ts";
export type { DirectoryEntry, WalkEntry, WalkOptions } from "./lib/read_directory.ts";
export type { QuotaInfo, QuotaKind, QuotaLimits } from "./lib/quota.ts";
export type { RemoveOptions } from "./lib/remove.ts";
export type { RenameOptions } from "./lib/rename.ts";
export type { FallocateOptions, StatFs, TrimOptions } from "./lib/space.ts";
export type { Extent, ImageTarget } from "./lib/target.ts";
export type { AddVersionOptions, RestoreVersionOptions } from "./lib/versions.ts";
export type { KeptVersion } from "./fs/versions/add.ts";
export type { Pruned, VersionSummary } from "./fs/versions/log.ts";
export type { RestoredVersion } from "./fs/versions/restore.ts";
export type { TimeInput, Timestamp } from "./lib/timestamp.ts";
export type { XattrOptions } from "./lib/xattrs.ts";

export type { TarExport } from "./build/export_tar.ts";
export type { FilterOptions } from "./build/filter.ts";
export type { GptLayout } from "./build/gpt.ts";
export type { ByteStream } from "./build/tar_input.ts";
export type { ExtraTable, ImageSource } from "./build/load.ts";
export type { Manifest, ManifestEntry } from "./build/manifest.ts";
export type { IdMap, OwnerOptions } from "./build/owners.ts";
export type { Headroom } from "./build/size.ts";
export type { PopulateResult } from "./fs/mkfs/populate.ts";

export type { BlockDevice } from "./fs/device/device.ts";
export type {
  CheckOptions,
  CheckReport,
  CheckStatistics,
  Code,
  Finding,
  Severity,
  Where,
} from "./fs/check/check.ts";
export { CODES } from "./fs/check/check.ts";
export { MemoryDevice } from "./fs/device/memory.ts";
export { Corrupt, DeviceError, Unsupported } from "./fs/errors.ts";
export { InodeFlag } from "./fs/layout/inode.ts";
export { FormatError } from "./fs/mkfs/format_error.ts";
export { SystemError } from "./ffi/libc/error.ts";
