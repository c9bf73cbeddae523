/**
 * Whether a device or an image file is in use by this system: mounted, behind a loop device, or swap.
 *
 * @module
 */

import { listMounts } from "../../ffi/libc/mount.ts";

/** A line such as "/dev/sda1 is mounted on /home", or undefined. */
export function usedBy(path: string): string | undefined {
  const self = identify(path);
  if (self === undefined) return undefined;
  for (const [source, target] of fields("/proc/mounts")) {
    if (same(self, source)) return `${path} is mounted on ${unescape(target)}`;
  }
  for (const [source] of fields("/proc/swaps")) {
    if (same(self, source)) return `${path} is in use as swap`;
  }
  for (const { loop, file } of loopDevices()) {
    if (!same(self, file)) continue;
    const behind = usedBy(loop);
    return behind === undefined ? `${path} is in use by ${loop}` : `${path}: ${behind}`;
  }
  return undefined;
}

/** A mount of a device or an image file. */
export interface FoundMount {
  readonly mountPoint: string;
  readonly type: string;
}

/** Where a device or an image file is mounted, directly or through a loop device, in the order of mounting. */
export function mountsOf(path: string): readonly FoundMount[] {
  const self = identify(path);
  if (self === undefined) return [];
  const loops = loopDevices().filter(({ file }) => same(self, file)).map(({ loop }) => loop);
  return listMounts()
    .filter(({ source }) => loops.includes(source) || same(self, source))
    .map(({ mountPoint, type }) => ({ mountPoint, type }));
}

interface Identity {
  readonly path: string;
  readonly isBlock: boolean;
  /** Device number of a block device, else device and inode of the file. */
  readonly key: string;
}

function identify(path: string): Identity | undefined {
  try {
    const info = Deno.statSync(path);
    const isBlock = info.isBlockDevice === true;
    const key = isBlock ? `block ${info.rdev}` : `file ${info.dev} ${info.ino}`;
    return { path: Deno.realPathSync(path), isBlock, key };
  } catch {
    return undefined;
  }
}

function same(self: Identity, other: string | undefined): boolean {
  if (other === undefined || !other.startsWith("/")) return false;
  const path = unescape(other);
  if (path === self.path) return true;
  return identify(path)?.key === self.key;
}

/** First two fields of each line. */
function fields(file: string): (readonly [string, string])[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch {
    return [];
  }
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [first = "", second = ""] = line.split(/\s+/);
    return [first, second] as const;
  });
}

/** Mount tables write spaces and the like as octal numbers. */
function unescape(text: string | undefined): string {
  return (text ?? "").replaceAll(
    /\\([0-7]{3})/g,
    (_, digits: string) => String.fromCharCode(parseInt(digits, 8)),
  );
}

function loopDevices(): { loop: string; file: string }[] {
  const found: { loop: string; file: string }[] = [];
  try {
    for (const entry of Deno.readDirSync("/sys/block")) {
      if (!entry.name.startsWith("loop")) continue;
      try {
        const file = Deno.readTextFileSync(`/sys/block/${entry.name}/loop/backing_file`).trim();
        found.push({ loop: `/dev/${entry.name}`, file });
      } catch {
        // Not in use.
      }
    }
  } catch {
    // No /sys: nothing to tell.
  }
  return found;
}
