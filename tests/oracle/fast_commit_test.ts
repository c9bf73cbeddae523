/**
 * Fast commits that the kernel left: replayed by kfs to what the kernel itself makes of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { must } from "../harness/commands.ts";
import { e2fsck, mustBeClean } from "../harness/e2fsck.ts";
import { makeImageByMke2fs } from "../harness/image.ts";
import { kernelExt4, mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { numberFromEnv, Random, SEED_VARIABLE } from "../harness/seed.ts";
import { type Need, programs, testWith } from "../harness/skip.ts";
import { mountNeeds } from "./program_case.ts";

const FORMS: Readonly<Record<string, readonly string[]>> = {
  "1 KiB blocks": ["-b", "1024"],
  "4 KiB blocks": ["-b", "4096"],
  "inline data": ["-O", "inline_data"],
  "no checksums": ["-O", "^metadata_csum"],
};

/** States to compare, of each form. */
const STATES = 5;

const fastCommits: Need = () => {
  try {
    Deno.statSync("/sys/fs/ext4/features/fast_commit");
    return undefined;
  } catch {
    return "the kernel has no fast commits";
  }
};

/** A command on files of a few names, and one that makes it a fast commit. */
function randomCommand(random: Random): string {
  const file = () => `f${random.below(12)}`;
  const [a, b] = [file(), file()];
  const blocks = 1 + random.below(40);
  const commands = [
    `echo ${random.below(1e6)} >> ${a}`,
    `dd if=/dev/urandom of=${a} bs=4096 count=${blocks} seek=${random.below(30)} conv=notrunc`,
    `truncate -s ${random.below(100_000)} ${a}`,
    // Among what the kernel does not record as a fast commit.
    ...random.chance(30) ? [`fallocate -z -o 4096 -l ${blocks * 4096} ${a}`] : [],
    `fallocate -p -o ${random.below(20) * 4096} -l ${blocks * 4096} ${a}`,
    `fallocate -n -l ${blocks * 4096} ${a}`,
    `ln ${a} ${b}`,
    `mv -f ${a} ${b}`,
    `rm ${a}`,
    `mkdir d${random.below(5)}`,
    `mv ${a} d${random.below(5)}/${b}`,
    `rm d${random.below(5)}/${a}`,
    `chmod ${random.below(2) === 0 ? 600 : 644} ${a}`,
    `ln -s target${random.below(99)} s${random.below(5)}`,
    `mkfifo p${random.below(5)}`,
    `for i in $(seq 30); do echo $i > d${random.below(5)}/many$i; done`,
    `rmdir d${random.below(5)}`,
  ];
  const command = commands[random.below(commands.length)] ?? "true";
  return `{ ${command}; } 2> /dev/null || true; sync ${a} 2> /dev/null || sync last; echo x > last; sync last`;
}

/** What is in a mount, with content but without times; and without directories' links, which the kernel's replay forgets. */
function view(mountpoint: string): string {
  const format = "%P|%y|%s|%m|%n|%l\\n";
  const lines = must("find", [mountpoint, "-printf", format]).split("\n");
  const found = lines.map((line) => line.replace(/(\|d\|.*)\|\d+\|$/, "$1")).sort().join("\n");
  const digests = must("bash", ["-c", "find . -type f -print0 | sort -z | xargs -0 sha256sum"], {
    cwd: mountpoint,
  });
  return found + digests;
}

function viewBy(by: "kernel" | "kfs", image: string, mountpoint: string, how: string): string {
  using mounted = mount(by, image, mountpoint, { options: [how] });
  return view(mounted.mountpoint);
}

/** Works in a mount of the kernel's; copies of the image as a crash would leave it. */
function leaveStates(scratch: Scratch, options: readonly string[], random: Random): string[] {
  const image = scratch.path("image");
  makeImageByMke2fs(image, {
    size: "64M",
    options: ["-t", "ext4", "-O", "fast_commit", ...options],
  });
  using mounted = mount("kernel", image, scratch.path("mnt"), { options: ["commit=300"] });
  const states: string[] = [];
  for (let state = 0; state < STATES; state++) {
    const commands = Array.from({ length: 8 }, () => randomCommand(random));
    if (state % 2 === 0) commands.unshift("sync -f .");
    must("bash", ["-c", `touch last; ${commands.join("\n")}`], { cwd: mounted.mountpoint });
    const path = scratch.path(`state${state}`);
    must("cp", ["--sparse=always", image, path]);
    states.push(path);
  }
  return states;
}

function compare(scratch: Scratch, state: string): number {
  const [byKernel, byKfs] = [`${state}.kernel`, `${state}.kfs`];
  for (const copy of [byKernel, byKfs]) must("cp", ["--sparse=always", state, copy]);
  let wanted: string | undefined;
  try {
    wanted = viewBy("kernel", byKernel, scratch.path("mnt"), "rw");
  } catch (error) {
    // It reads past the journal's end when the last block for fast commits is in use.
    console.log(`the kernel cannot replay what it left: ${error}`);
  }
  const isSound = e2fsck(byKernel).clean;
  const digest = must("sha256sum", ["-z", state]);
  const shown = viewBy("kfs", state, scratch.path("mnt"), "ro");
  if (wanted !== undefined) assert.equal(shown, wanted, "kernel and kfs -o ro");
  assert.equal(must("sha256sum", ["-z", state]), digest, "a read-only mount writes nothing");
  const messages: string[] = [];
  open(byKfs, { report: (text) => messages.push(text) }).close();
  mustBeClean(byKfs, "after kfs replayed the fast commits");
  assert.equal(viewBy("kernel", byKfs, scratch.path("mnt"), "ro"), shown, "shown and replayed");
  if (!isSound) console.log("e2fsck finds faults after the kernel's own replay");
  for (const path of [state, byKernel, byKfs]) Deno.removeSync(path);
  return messages.filter((text) => text.includes("fast commits")).length;
}

for (const [form, options] of Object.entries(FORMS)) {
  testWith({
    name: `fast commits of the kernel are replayed: ${form}`,
    needs: [...mountNeeds, kernelExt4, fastCommits, programs("fallocate")],
    fn() {
      const seed = numberFromEnv(SEED_VARIABLE, 11);
      console.log(`${SEED_VARIABLE}=${seed}`);
      using scratch = new Scratch("fast-commit");
      let replayed = 0;
      for (const state of leaveStates(scratch, options, new Random(seed))) {
        replayed += compare(scratch, state);
      }
      console.log(`${replayed} of ${STATES} states had fast commits`);
      // Most of what these commands do with inline data the kernel does not record.
      if (form !== "inline data") assert.ok(replayed > 0, "no state had fast commits");
    },
  });
}
