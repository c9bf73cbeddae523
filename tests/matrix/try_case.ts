/**
 * One kind of image from mke2fs to the verdict.
 *
 * @module
 */

import { FsError, type Image, open } from "../../mod.ts";
import { run } from "../../tools/process.ts";
import { e2fsck, mustBeClean } from "../harness/e2fsck.ts";
import { toByteString } from "../harness/libc.ts";
import { kernelExt4, mount, type Mounted } from "../harness/mount.ts";
import type { Scratch } from "../harness/scratch.ts";
import { mustBeSameTree, takeTree, type Tree } from "../harness/tree.ts";
import { writeSource } from "../fuzz/base_image.ts";
import type { MatrixCase } from "./cases.ts";
import { comparable, libraryTree } from "./library_tree.ts";
import { workIn } from "./work.ts";

/** How kfs opens an image: `rw` changed and clean, `ro` shown, `no` refused, `none` mke2fs does not make it. */
export type Access = "rw" | "ro" | "no" | "none";

/** The kernel's column when it showed what kfs showed. */
export const SAME = "same";

/** What came of a case. */
export interface CaseOutcome {
  readonly access: Access;
  /** Why not `rw`; empty when it is. */
  readonly reason: string;
  /** `same`: it mounted the image and showed the same tree. Otherwise why it did not. */
  readonly kernel: string;
  /** Operations that were done, and those that the format has no room or structure for. */
  readonly done: number;
  readonly tolerated: number;
}

/** Makes what mke2fs fills the images from; returns the folder. */
export function makeSource(scratch: Scratch): string {
  const source = scratch.makeFolder("source");
  writeSource(source);
  return source;
}

/** @throws Error for a tree that differs, an image that is not clean, an error that is none of the expected ones. */
export function tryCase(wanted: MatrixCase, source: string, scratch: Scratch): CaseOutcome {
  const image = scratch.path("image");
  run("rm", ["-f", image]);
  const made = run("mke2fs", ["-q", "-F", ...wanted.options, "-d", source, image, wanted.size]);
  if (made.code !== 0) return outcome("none", lastLine(made.stderr), "");
  // What mke2fs fills an image with leaves quota files behind the usage, and attributes in spite of ^ext_attr.
  if (!e2fsck(image).clean) run("e2fsck", ["-fy", image]);
  mustBeClean(image, "as mke2fs made it");
  try {
    return change(image, scratch);
  } finally {
    run("rm", ["-f", image]);
  }
}

function outcome(access: Access, reason: string, kernel: string, done = 0, tolerated = 0) {
  return { access, reason, kernel, done, tolerated };
}

function change(image: string, scratch: Scratch): CaseOutcome {
  let opened: Image;
  try {
    opened = open(image, { errors: "remount-ro", wait: () => true });
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== "EROFS") throw error;
    return show(image, scratch, error.message);
  }
  let tree: Tree;
  let counts: { readonly done: number; readonly tolerated: number };
  try {
    counts = workIn(opened);
    tree = libraryTree(opened);
  } finally {
    opened.close();
  }
  mustBeClean(image, "after the work");
  using again = open(image, { readOnly: true });
  mustBeSameTree(tree, libraryTree(again), "as it was closed and as it opens again");
  const kernel = compareWithKernel(image, tree, scratch);
  return outcome("rw", "", kernel, counts.done, counts.tolerated);
}

/** An image that cannot be changed: shown, or refused. */
function show(image: string, scratch: Scratch, reason: string): CaseOutcome {
  const short = reason.replace(/^.*: (?=features)/, "").replace(/ \(E\w+\)$/, "");
  let opened: Image;
  try {
    opened = open(image, { readOnly: true });
  } catch (error) {
    if (error instanceof FsError && error.code === "EROFS") return outcome("no", short, "");
    throw error;
  }
  try {
    return outcome("ro", short, compareWithKernel(image, libraryTree(opened), scratch));
  } finally {
    opened.close();
  }
}

function compareWithKernel(image: string, tree: Tree, scratch: Scratch): string {
  const missing = kernelExt4();
  if (missing !== undefined) return missing;
  let mounted: Mounted;
  try {
    mounted = mount("kernel", image, scratch.path("mnt"), { options: ["ro"] });
  } catch {
    const reason = kernelReason();
    compareWithDebugfs(image, tree, scratch);
    return reason;
  }
  using kernel = mounted;
  const seen = takeTree(toByteString(kernel.mountpoint), { sameImage: true });
  kernel.unmount();
  mustBeSameTree(tree, comparable(seen), "kfs (left) and the kernel (right)");
  return SAME;
}

/** The kernel's own words for its last refusal. */
function kernelReason(): string {
  const line = run("dmesg", []).stdout.split("\n").filter((text) => /EXT4-fs/.test(text)).at(-1);
  return line?.replace(/^.*EXT4-fs[^:]*: /, "").trim() ?? "not mounted";
}

/** Where the kernel does not mount an image, debugfs has to read the same files. */
function compareWithDebugfs(image: string, tree: Tree, scratch: Scratch): void {
  const folder = scratch.makeFolder("dump");
  try {
    // Of inline files debugfs gives 60 bytes, whatever their size.
    if (dumpe2fsFeatures(image).includes("inline_data")) return;
    run("debugfs", ["-R", `rdump / ${folder}`, image]);
    const seen = takeTree(toByteString(folder), { noTimes: true });
    mustBeSameTree(filesOf(tree), filesOf(seen), "kfs (left) and debugfs (right)");
  } finally {
    run("rm", ["-rf", folder]);
  }
}

function dumpe2fsFeatures(image: string): string {
  return /^Filesystem features:.*$/m.exec(run("dumpe2fs", ["-h", image]).stdout)?.[0] ?? "";
}

/** The files alone, with what debugfs copies of them. */
function filesOf(tree: Tree): Tree {
  const files = [...tree].filter(([, { type }]) => type === "regular");
  return new Map(files.map(([path, { content = "", size = "" }]) => [path, { content, size }]));
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}
