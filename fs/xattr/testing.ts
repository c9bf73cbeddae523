/**
 * What the tests of this folder share: images from mke2fs in memory, changed under handles, judged by e2fsprogs and
 * the kernel.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Allocator, NEEDS_COMMIT } from "../alloc/allocator.ts";
import { MemoryDevice } from "../device/memory.ts";
import type { Handle } from "../journal/transaction.ts";
import { runTool } from "../layout/testing.ts";
import type { Inode } from "../volume/inode.ts";
import { Volume } from "../volume/volume.ts";
import { get, list } from "./xattr.ts";
import { resolveName } from "./name.ts";

const decoder = new TextDecoder();

/** The bytes of a text, one a character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Bytes as text, one character a byte. */
export function toLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Runs `body` with a new folder in memory if possible, removed afterwards. */
export function withImageDir(body: (dir: string) => void): void {
  const dir = Deno.makeTempDirSync({ prefix: "kfs_xattr_", dir: memoryFolder() });
  try {
    body(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

function memoryFolder(): string | undefined {
  try {
    return Deno.statSync("/dev/shm").isDirectory ? "/dev/shm" : undefined;
  } catch {
    return undefined;
  }
}

/** Formats `path` with mke2fs (without a journal, 4 KiB blocks unless the arguments say otherwise), and runs debugfs commands on it. */
export function makeImage(path: string, mkeArgs: readonly string[], commands: string[] = []): void {
  const blocks = mkeArgs.includes("-b") ? [] : ["-b", "4096"];
  const features = mkeArgs.includes("-O") ? [] : ["-O", "^has_journal"];
  const args = mkeArgs.map((arg, i) => mkeArgs[i - 1] === "-O" ? `${arg},^has_journal` : arg);
  const quick = ["-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=0"];
  runTool("mke2fs", [...quick, ...blocks, ...features, ...args, path, "8M"]);
  if (commands.length > 0) debugfs(path, commands);
}

/** Runs debugfs commands that write. */
export function debugfs(path: string, commands: readonly string[]): string {
  const script = `${path}.cmd`;
  Deno.writeTextFileSync(script, commands.join("\n") + "\n");
  return decoder.decode(runTool("debugfs", ["-w", "-f", script, path]));
}

/** Inode number of a path within an image. */
export function inodeNumber(path: string, name: string): number {
  const text = decoder.decode(runTool("debugfs", ["-R", `stat ${name}`, path]));
  return Number(/Inode: (\d+)/.exec(text)?.[1] ?? 0);
}

/** Throws with e2fsck's output unless the image is clean. */
export function assertClean(path: string, hint = ""): void {
  try {
    runTool("e2fsck", ["-fn", path]);
  } catch {
    const { stdout } = new Deno.Command("e2fsck", { args: ["-fn", path] }).outputSync();
    assert.fail(`e2fsck ${hint}:\n${decoder.decode(stdout)}`);
  }
}

/** An opened image. */
export class TestVolume {
  readonly device: MemoryDevice;
  readonly volume: Volume;
  readonly alloc: Allocator;
  readonly reports: string[] = [];

  /** @param device the image in memory, if it is there already. */
  constructor(readonly path: string, device?: MemoryDevice) {
    this.device = device ?? MemoryDevice.from(Deno.readFileSync(path));
    this.volume = new Volume(this.device, {
      readOnly: false,
      cacheBytes: 1 << 20,
      cachedInodes: 64,
      errors: "continue",
      clock: {
        seconds: 0,
        nanoseconds: 0,
        read() {
          this.seconds = 1_700_000_000;
          this.nanoseconds = 123_456_789;
        },
      },
      report: (message) => this.reports.push(message),
    });
    this.alloc = new Allocator(this.volume);
    this.volume.start();
  }

  inode(ino: number): Inode {
    return this.volume.inodes.get(ino);
  }

  /** Does one change, with a commit and a second try when that is asked for. */
  change(work: (handle: Handle) => number): number {
    const attempt = (): number => {
      const handle = this.volume.begin(64);
      try {
        return work(handle);
      } finally {
        handle.end();
      }
    };
    const result = attempt();
    if (result !== NEEDS_COMMIT) return result;
    this.volume.commit(false);
    return attempt();
  }

  /** Writes everything back to the file. */
  save(): void {
    this.alloc.discardAllPreallocations();
    this.volume.commit(true);
    const bytes = new Uint8Array(this.device.sizeBytes);
    this.device.read(bytes, 0);
    Deno.writeFileSync(this.path, bytes);
  }

  /** A value as text of one character a byte; undefined when there is none. */
  value(ino: number, fullName: string): string | undefined {
    const name = resolveName(latin1(fullName));
    assert.ok(typeof name !== "number");
    const inode = this.inode(ino);
    const length = get(this.alloc, inode, name.index, name.suffix, new Uint8Array(0));
    if (length < 0) return undefined;
    const out = new Uint8Array(length);
    if (length > 0) get(this.alloc, inode, name.index, name.suffix, out);
    return toLatin1(out);
  }

  names(ino: number): string[] {
    const inode = this.inode(ino);
    const out = new Uint8Array(list(this.alloc, inode, new Uint8Array(0), true));
    if (out.length > 0) list(this.alloc, inode, out, true);
    return toLatin1(out).split("\0").slice(0, -1);
  }
}

/** Needs loop devices: undefined when they are here, else the reason. */
export function loopDevices(): string | undefined {
  try {
    runTool("losetup", ["-f"]);
    return undefined;
  } catch {
    return "no loop devices";
  }
}

/** Runs `body` with the image mounted by the kernel. */
export function withKernelMount(path: string, body: (mountPoint: string) => void): void {
  const mountPoint = `${path}.mnt`;
  Deno.mkdirSync(mountPoint, { recursive: true });
  runTool("mount", ["-o", "loop,acl,user_xattr", path, mountPoint]);
  try {
    body(mountPoint);
  } finally {
    runTool("umount", [mountPoint]);
    Deno.removeSync(mountPoint);
  }
}

/** All attributes of a file as the kernel tells them. */
export function kernelXattrs(file: string): Map<string, string> {
  const text = decoder.decode(
    runTool("getfattr", ["-d", "-m", "-", "-e", "hex", "--absolute-names", file]),
  );
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line.startsWith("#") || line === "") continue;
    const equals = line.indexOf("=");
    const hex = equals < 0 ? "" : line.slice(equals + 3);
    const bytes = hex.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
    found.set(equals < 0 ? line : line.slice(0, equals), String.fromCharCode(...bytes));
  }
  return found;
}
