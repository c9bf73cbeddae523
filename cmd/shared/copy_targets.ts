/**
 * Where copies go: directories of the host, and images.
 *
 * @module
 */

import { type Image, SystemError } from "../../mod.ts";
import { O_NOFOLLOW, O_RDWR } from "../../ffi/libc/constants.ts";
import { close, open, pwrite, truncate } from "../../ffi/libc/file.ts";
import {
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  rename,
  setMode,
  setOwner,
  setTimes,
  setXattr,
  unlink,
} from "../../ffi/libc/names.ts";
import { statusOf } from "../../ffi/libc/status.ts";
import { deviceMajor, deviceMinor } from "../../fs/layout/device_number.ts";
import type { CopyTarget, OpenTarget } from "./copy_sink.ts";

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const ENOENT = 2;
const NO_FOLLOW = { noFollow: true } as const;
const decoder = new TextDecoder();

/** The host's files. New nodes get modes without what the process's mask takes away. */
export function hostTarget(): CopyTarget {
  return {
    umask: Deno.umask(),
    kindOf(path) {
      try {
        return (statusOf(path).mode & S_IFMT) === S_IFDIR ? "directory" : "other";
      } catch (error) {
        if (error instanceof SystemError && error.errno === ENOENT) return undefined;
        throw error;
      }
    },
    makeDirectory: (path) => makeDirectory(path, 0o700),
    makeNode: (path, mode, rdev) => makeNode(path, mode, rdev),
    makeSymlink: (path, target) => makeSymlink(target, path),
    link: makeLink,
    rename,
    remove: unlink,
    open: openOnHost,
    setOwner: (path, uid, gid) =>
      setOwner(path, uid, gid) || (setOwner(path, NOBODY_NEW, gid) && false),
    setMode,
    setXattr,
    setTimes,
  };
}

/** chown(2): leaves the owner as it is. */
const NOBODY_NEW = 0xffffffff;

function openOnHost(path: Uint8Array): OpenTarget {
  const descriptor = open(path, O_RDWR | O_NOFOLLOW);
  const text = decoder.decode(path);
  return {
    write(offset, bytes) {
      for (let done = 0; done < bytes.length;) {
        done += pwrite(descriptor, bytes.subarray(done), offset + done, text);
      }
      return bytes.length;
    },
    setSize: (size) => truncate(descriptor, size, text),
    close: () => close(descriptor),
  };
}

/** An image, in which everything is done as root. */
export function imageTarget(image: Image): CopyTarget {
  return {
    umask: 0,
    kindOf(path) {
      try {
        return image.lstat(path).isDirectory ? "directory" : "other";
      } catch (error) {
        if (error instanceof Error && "errno" in error && error.errno === ENOENT) return undefined;
        throw error;
      }
    },
    makeDirectory: (path) => image.mkdir(path, { mode: 0o700 }),
    makeNode: (path, mode, rdev) =>
      image.mknod(path, {
        type: TYPES[mode & S_IFMT] ?? "file",
        mode: mode & 0o777,
        major: deviceMajor(rdev),
        minor: deviceMinor(rdev),
      }),
    makeSymlink: (path, target) => image.symlink(target, path),
    link: (existing, path) => image.link(existing, path),
    rename: (from, to) => image.rename(from, to),
    remove: (path) => image.remove(path),
    open: (path) => openInImage(image, path),
    setOwner(path, uid, gid) {
      image.chown(path, uid, gid, NO_FOLLOW);
      return true;
    },
    setMode: (path, mode) => image.chmod(path, mode),
    setXattr(path, name, value) {
      try {
        image.setXattr(path, name, value, NO_FOLLOW);
        return 0;
      } catch (error) {
        if (error instanceof Error && "errno" in error && typeof error.errno === "number") {
          return -error.errno;
        }
        throw error;
      }
    },
    setTimes: (path, atime, mtime) => image.utime(path, atime, mtime, NO_FOLLOW),
  };
}

const TYPES: Readonly<Record<number, "file" | "fifo" | "socket" | "character" | "block">> = {
  0o010000: "fifo",
  0o020000: "character",
  0o060000: "block",
  0o100000: "file",
  0o140000: "socket",
};

function openInImage(image: Image, path: Uint8Array): OpenTarget {
  const file = image.open(path, { write: true });
  return {
    write: (offset, bytes) => file.writeAt(bytes, offset),
    setSize: (size) => file.truncate(size),
    close: () => file.close(),
  };
}
