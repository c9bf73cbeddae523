/**
 * What a create costs as one directory grows.
 *
 * @module
 */

import { mount } from "../harness/mount.ts";
import * as libc from "../harness/libc.ts";
import { milliseconds, type Results } from "./measure.ts";
import { createEmpty } from "./metadata.ts";
import type { BenchOptions } from "./options.ts";
import { expectGood } from "./scenario.ts";
import { makeBenchImage, type TargetName } from "./target.ts";
import { must } from "../harness/commands.ts";

const SIZES = [1000, 10_000, 100_000, 300_000, 1_000_000];
/** An image for so many files needs an inode each: mke2fs makes one for 16 KiB. */
const BYTES_PER_FILE = 20 * 1024;

function rowOf(count: number): string {
  return `create, the ${count.toLocaleString("en")}th of a folder`;
}

/** Rows: the cost of one create over the last tenth before each size. */
export function runGrowth(
  folder: string,
  names: readonly TargetName[],
  results: Results,
  options: BenchOptions,
): void {
  const sizes = SIZES.filter((size) => size <= options.growth);
  if (!sizes.some((size) => results.wants(rowOf(size)))) return;
  for (const name of names.filter((name) => name === "kfs" || name === "kernel")) {
    const image = `${folder}/growth.img`;
    makeBenchImage(image, `${Math.ceil(options.growth * BYTES_PER_FILE / 2 ** 30) + 1}G`);
    using mounted = mount(name, image, `${folder}/growth.mnt`);
    const many = `${mounted.mountpoint}/many`;
    expectGood("mkdir", libc.mkdir(many));
    let made = 0;
    for (const size of sizes) {
      const tenth = size - size / 10;
      createEmpty(many, made, tenth);
      const took = milliseconds(() => createEmpty(many, tenth, size));
      results.record(rowOf(size), "µs each", name, took * 1000 / (size - tenth));
      made = size;
    }
    mounted.unmount();
    must("rm", [image]);
  }
}
