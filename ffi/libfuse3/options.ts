/**
 * Mount options as libfuse takes them.
 *
 * @module
 */

/** How a FUSE file system is mounted. */
export interface MountOptions {
  /** The directory to mount on. */
  readonly mountPoint: string;
  /** What is mounted: shown as the source in the list of mounts. */
  readonly source?: string;
  /**
   * Mounts on this block device (type `fuseblk`; needs root): umount(2) then returns when the file
   * system has been ended, and syncfs(2) reaches it. The kernel claims the device, so nobody else may
   * have it open exclusively.
   */
  readonly blockDevice?: string;
  /** The type is shown as `fuse.<subtype>`. */
  readonly subtype?: string;
  readonly readOnly?: boolean;
  /** Users other than the one who mounts may use it. Default false. */
  readonly allowOther?: boolean;
  /** The kernel checks permissions by mode, owner and ACL. Default true. */
  readonly defaultPermissions?: boolean;
  /** The kernel unmounts when this process dies (needs `fusermount3`). Default false. */
  readonly autoUnmount?: boolean;
  /** The largest read in bytes. Default: as negotiated. */
  readonly maxReadBytes?: number;
  /** Further options, passed on as they are: `dev`, `suid`, `noexec`, `noatime`, `sync`, `context=…`. */
  readonly others?: readonly string[];
}

/** The options as the argument of `-o`. */
export function optionText(options: MountOptions): string {
  const parts: string[] = [];
  const source = options.blockDevice ?? options.source;
  if (source !== undefined) parts.push(`fsname=${escapeOption(source)}`);
  if (options.subtype !== undefined) parts.push(`subtype=${escapeOption(options.subtype)}`);
  if (options.blockDevice !== undefined) parts.push("blkdev");
  parts.push(options.readOnly === true ? "ro" : "rw");
  if (options.allowOther === true) parts.push("allow_other");
  if (options.defaultPermissions !== false) parts.push("default_permissions");
  if (options.autoUnmount === true) parts.push("auto_unmount");
  if (options.maxReadBytes !== undefined) parts.push(`max_read=${options.maxReadBytes}`);
  parts.push(...options.others ?? []);
  return parts.join(",");
}

/** A comma ends an option unless a backslash is before it. */
function escapeOption(value: string): string {
  return value.replace(/[\\,]/g, "\\$&");
}
