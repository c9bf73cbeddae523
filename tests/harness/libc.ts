/**
 * The tests' own system calls: synchronous, on names of any bytes, answers as the kernel gives them
 * (negated errnos). Independent of `ffi/`, which is under test.
 *
 * Paths and names are "byte strings": each character is one byte (0–255).
 *
 * @module
 */

const library = Deno.dlopen("libc.so.6", {
  __errno_location: { parameters: [], result: "pointer" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  truncate: { parameters: ["buffer", "i64"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  symlink: { parameters: ["buffer", "buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  rmdir: { parameters: ["buffer"], result: "i32" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  mknod: { parameters: ["buffer", "u32", "u64"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "isize" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  lremovexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  copy_file_range: {
    parameters: ["i32", "buffer", "i32", "buffer", "usize", "u32"],
    result: "isize",
  },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fsync: { parameters: ["i32"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
  setfsgid: { parameters: ["u32"], result: "i32" },
  posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  umask: { parameters: ["u32"], result: "u32" },
});

const call = library.symbols;

/** Flags and codes of the calls below, as in the C headers. */
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0o40000 : 0o200000;
export const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;
export const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_SYMLINK_FOLLOW = 0x400;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BASIC_AND_BTIME = 0xfff;

/** A byte string as the NUL-terminated bytes that C wants. */
function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length + 1);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** Bytes as a byte string. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The UTF-8 bytes of an ordinary string, as a byte string. */
export function toByteString(text: string): string {
  return byteString(new TextEncoder().encode(text));
}

function errno(): number {
  const location = call.__errno_location();
  if (location === null) throw new Error("no errno");
  return new Deno.UnsafePointerView(location).getInt32();
}

/** The result, or the negated errno when it says failure. */
function answer(result: number | bigint): number {
  const value = Number(result);
  return value < 0 ? -errno() : value;
}

/** What `statx` tells of a file. Times are in seconds and nanoseconds. */
export interface FileStatus {
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: number;
  readonly sizeBytes: number;
  readonly blocks512: number;
  readonly device: string;
  readonly accessed: string;
  readonly modified: string;
  readonly changed: string;
  readonly born: string;
}

const statBuffer = new Uint8Array(256);
const statView = new DataView(statBuffer.buffer);

function time(at: number): string {
  const seconds = statView.getBigInt64(at, true);
  return `${seconds}.${String(statView.getUint32(at + 8, true)).padStart(9, "0")}`;
}

function parseStatus(): FileStatus {
  return {
    mode: statView.getUint16(28, true),
    links: statView.getUint32(16, true),
    uid: statView.getUint32(20, true),
    gid: statView.getUint32(24, true),
    inode: Number(statView.getBigUint64(32, true)),
    sizeBytes: Number(statView.getBigUint64(40, true)),
    blocks512: Number(statView.getBigUint64(48, true)),
    device: `${statView.getUint32(128, true)}:${statView.getUint32(132, true)}`,
    accessed: time(64),
    born: time(80),
    changed: time(96),
    modified: time(112),
  };
}

/** Status of `path` itself (links are not followed), or a negated errno. */
export function lstat(path: string): FileStatus | number {
  const result = call.statx(
    AT_FDCWD,
    cString(path),
    AT_SYMLINK_NOFOLLOW,
    STATX_BASIC_AND_BTIME,
    statBuffer,
  );
  return result < 0 ? -errno() : parseStatus();
}

/** What stat(2) asks for, no more: birth times are not in a FUSE mount's cache. 0 or a negated errno. */
export function plainStat(path: string): number {
  return answer(
    call.statx(AT_FDCWD, cString(path), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, statBuffer),
  );
}

export function open(path: string, flags: number, mode = 0o666): number {
  return answer(call.open(cString(path), flags | O_CLOEXEC, mode));
}

export function close(descriptor: number): number {
  return answer(call.close(descriptor));
}

export function pread(
  descriptor: number,
  into: Uint8Array<ArrayBuffer>,
  offsetBytes: number,
): number {
  return answer(call.pread(descriptor, into, BigInt(into.length), BigInt(offsetBytes)));
}

export function pwrite(
  descriptor: number,
  from: Uint8Array<ArrayBuffer>,
  offsetBytes: number,
): number {
  return answer(call.pwrite(descriptor, from, BigInt(from.length), BigInt(offsetBytes)));
}

export function ftruncate(descriptor: number, sizeBytes: number): number {
  return answer(call.ftruncate(descriptor, BigInt(sizeBytes)));
}

export function truncate(path: string, sizeBytes: number): number {
  return answer(call.truncate(cString(path), BigInt(sizeBytes)));
}

export function fallocate(
  descriptor: number,
  mode: number,
  offsetBytes: number,
  lengthBytes: number,
): number {
  return answer(call.fallocate(descriptor, mode, BigInt(offsetBytes), BigInt(lengthBytes)));
}

export function rename(from: string, to: string, flags = 0): number {
  return answer(call.renameat2(AT_FDCWD, cString(from), AT_FDCWD, cString(to), flags));
}

export function link(from: string, to: string): number {
  return answer(call.linkat(AT_FDCWD, cString(from), AT_FDCWD, cString(to), 0));
}

/** Gives a name to an open nameless file (`O_TMPFILE`). */
export function linkDescriptor(descriptor: number, to: string): number {
  const from = cString(`/proc/self/fd/${descriptor}`);
  return answer(call.linkat(AT_FDCWD, from, AT_FDCWD, cString(to), AT_SYMLINK_FOLLOW));
}

export function symlink(target: string, path: string): number {
  return answer(call.symlink(cString(target), cString(path)));
}

export function unlink(path: string): number {
  return answer(call.unlink(cString(path)));
}

export function rmdir(path: string): number {
  return answer(call.rmdir(cString(path)));
}

export function mkdir(path: string, mode = 0o777): number {
  return answer(call.mkdir(cString(path), mode));
}

/** `device` is the packed number of the C call. */
export function mknod(path: string, mode: number, device: number): number {
  return answer(call.mknod(cString(path), mode, BigInt(device)));
}

export function chmod(path: string, mode: number): number {
  return answer(call.chmod(cString(path), mode));
}

/** An owner of -1 stays. */
export function lchown(path: string, uid: number, gid: number): number {
  return answer(call.lchown(cString(path), uid >>> 0, gid >>> 0));
}

/** Sets both times, in whole seconds and nanoseconds. */
export function utimens(
  path: string,
  accessed: readonly [number, number],
  modified: readonly [number, number],
): number {
  const times = new BigInt64Array([...accessed, ...modified].map(BigInt));
  return answer(
    call.utimensat(AT_FDCWD, cString(path), new Uint8Array(times.buffer), AT_SYMLINK_NOFOLLOW),
  );
}

export function setxattr(
  path: string,
  name: string,
  value: Uint8Array<ArrayBuffer>,
  flags = 0,
): number {
  return answer(
    call.lsetxattr(cString(path), cString(name), value, BigInt(value.length), flags),
  );
}

const attributeBuffer = new Uint8Array(65536);

/** The value, or a negated errno. */
export function getxattr(path: string, name: string): Uint8Array | number {
  const length = answer(
    call.lgetxattr(cString(path), cString(name), attributeBuffer, BigInt(attributeBuffer.length)),
  );
  return length < 0 ? length : attributeBuffer.slice(0, length);
}

/** The names in the order given, or a negated errno. */
export function listxattr(path: string): readonly string[] | number {
  const length = answer(
    call.llistxattr(cString(path), attributeBuffer, BigInt(attributeBuffer.length)),
  );
  if (length < 0) return length;
  return byteString(attributeBuffer.subarray(0, length)).split("\0").filter((name) => name !== "");
}

export function removexattr(path: string, name: string): number {
  return answer(call.lremovexattr(cString(path), cString(name)));
}

/** The target as a byte string, or a negated errno. */
export function readlink(path: string): string | number {
  const length = answer(
    call.readlink(cString(path), attributeBuffer, BigInt(attributeBuffer.length)),
  );
  return length < 0 ? length : byteString(attributeBuffer.subarray(0, length));
}

export function lseek(descriptor: number, offsetBytes: number, whence: number): number {
  return answer(call.lseek(descriptor, BigInt(offsetBytes), whence));
}

export function copyFileRange(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  lengthBytes: number,
): number {
  const source = new Uint8Array(new BigInt64Array([BigInt(fromOffset)]).buffer);
  const target = new Uint8Array(new BigInt64Array([BigInt(toOffset)]).buffer);
  return answer(call.copy_file_range(from, source, to, target, BigInt(lengthBytes), 0));
}

/** Tells the kernel to read nothing ahead. */
export function adviseRandom(descriptor: number): void {
  call.posix_fadvise(descriptor, 0n, 0n, 1);
}

export function fsync(descriptor: number): number {
  return answer(call.fsync(descriptor));
}

export function fdatasync(descriptor: number): number {
  return answer(call.fdatasync(descriptor));
}

/** `ioctl` on a buffer that the call reads or fills. */
export function ioctl(
  descriptor: number,
  request: number,
  buffer: Uint8Array<ArrayBuffer>,
): number {
  return answer(call.ioctl(descriptor, BigInt(request), buffer));
}

/** From now on this thread's file accesses count as this user's (0: root again). */
export function actAs(user: number): void {
  if (user === 0) {
    call.setfsuid(0);
    call.setfsgid(0);
    return;
  }
  call.setfsgid(user);
  call.setfsuid(user);
}

/** Sets the process's umask; returns the old one. */
export function umask(mask: number): number {
  return call.umask(mask);
}

const entryBuffer = new Uint8Array(65536);
const entryView = new DataView(entryBuffer.buffer);

/** Names (byte strings, without `.` and `..`) in the order of the directory, or a negated errno. */
export function readdir(path: string): readonly string[] | number {
  const descriptor = open(path, O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return descriptor;
  const names: string[] = [];
  try {
    for (;;) {
      const length = answer(
        call.getdents64(descriptor, entryBuffer, BigInt(entryBuffer.length)),
      );
      if (length < 0) return length;
      if (length === 0) return names;
      for (let at = 0; at < length; at += entryView.getUint16(at + 16, true)) {
        const end = entryBuffer.indexOf(0, at + 19);
        const name = byteString(entryBuffer.subarray(at + 19, end));
        if (name !== "." && name !== "..") names.push(name);
      }
    }
  } finally {
    close(descriptor);
  }
}
