/**
 * A guest's kernel: Debian's, unpacked, not installed. Taken from KFS_VM_KERNEL (a folder with boot/ and
 * lib/modules/), or downloaded once into the cache folder.
 *
 * @module
 */

import { findProgram, run } from "../../tools/process.ts";
import type { Need } from "../harness/skip.ts";

/** Where an unpacked kernel is. */
export const KERNEL_VARIABLE = "KFS_VM_KERNEL";

/** An unpacked kernel. */
export interface GuestKernel {
  readonly image: string;
  /** lib/modules/VERSION. */
  readonly modules: string;
}

function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  return `${base}/kfs-vm`;
}

function inFolder(folder: string): GuestKernel | undefined {
  try {
    for (const { name } of Deno.readDirSync(`${folder}/boot`)) {
      if (!name.startsWith("vmlinuz-")) continue;
      const version = name.slice("vmlinuz-".length);
      const modules = [`${folder}/lib/modules/${version}`, `${folder}/usr/lib/modules/${version}`]
        .find((path) => exists(path));
      if (modules !== undefined) return { image: `${folder}/boot/${name}`, modules };
    }
  } catch {
    return undefined;
  }
  return undefined;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** @returns why it could not be had, or undefined */
function download(folder: string): string | undefined {
  const depends = run("apt-cache", ["depends", "linux-image-amd64"]).stdout;
  const name = /Depends: (linux-image-[0-9][^\s]*)/.exec(depends)?.[1];
  if (name === undefined) return "apt knows no linux-image-amd64";
  Deno.mkdirSync(folder, { recursive: true });
  const got = run("timeout", ["120", "apt-get", "download", name], { cwd: folder });
  if (got.code !== 0) return `apt-get download ${name} failed`;
  const file = [...Deno.readDirSync(folder)].find((entry) => entry.name.endsWith(".deb"));
  if (file === undefined) return `no package came of apt-get download ${name}`;
  const unpacked = run("dpkg-deb", ["-x", file.name, "."], { cwd: folder });
  Deno.removeSync(`${folder}/${file.name}`);
  return unpacked.code === 0 ? undefined : `dpkg-deb: ${unpacked.stderr.trim()}`;
}

let answer: { readonly kernel: GuestKernel | undefined; readonly reason: string } | undefined;

function look(): { readonly kernel: GuestKernel | undefined; readonly reason: string } {
  const given = Deno.env.get(KERNEL_VARIABLE);
  if (given !== undefined) {
    return { kernel: inFolder(given), reason: `no kernel in ${KERNEL_VARIABLE}=${given}` };
  }
  const folder = cacheFolder();
  const there = inFolder(folder);
  if (there !== undefined) return { kernel: there, reason: "" };
  const fault = download(folder);
  return { kernel: inFolder(folder), reason: `no guest kernel: ${fault ?? "not in the package"}` };
}

/** The kernel. @throws when there is none: tests ask `guestKernel` first */
export function kernel(): GuestKernel {
  answer ??= look();
  if (answer.kernel === undefined) throw new Error(answer.reason);
  return answer.kernel;
}

/** Needs QEMU, busybox and a kernel. */
export const virtualMachine: Need = () => {
  if (Deno.build.arch !== "x86_64") return "the guest is an x86-64 machine";
  const missing = ["qemu-system-x86_64", "busybox"].filter((name) => {
    return findProgram(name) === undefined;
  });
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  answer ??= look();
  return answer.kernel === undefined ? answer.reason : undefined;
};
