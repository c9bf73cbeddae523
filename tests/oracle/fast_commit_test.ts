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

/** A kind of image. */
interface Form {
  readonly options: readonly string[];
  /** The kernel cannot replay what it left: files have to be as they were when the image was copied. */
  readonly asItWas?: true;
  /** Commands that are left out: the kernel would make a whole commit of them. */
  readonly left?: RegExp;
}

const FORMS: Readonly<Record<string, Form>> = {
  "1 KiB blocks": { options: ["-b", "1024"] },
  "4 KiB blocks": { options: ["-b", "4096"] },
  "inline data": { options: ["-O", "inline_data"] },
  "bigalloc": { options: ["-b", "1024", "-O", "bigalloc", "-C", "8192"] },
  // Never to be mounted by the kernel, Linux 6.18 crashes; e2fsck 1.47 gives up.
  "block maps": {
    options: ["-b", "1024", "-O", "^extent,^64bit"],
    asItWas: true,
    left: /ln -s|mkfifo|truncate|mv -f|rm |fallocate/,
  },
  "no checksums": { options: ["-O", "^metadata_csum"] },
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
  return `{ ${command}; } 2> /dev/null || true; sync ${a} 2> /dev/null || sync last; echo x >> last; sync last`;
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

/** An image as a crash would leave it. */
interface State {
  readonly path: string;
  /** What was in the mount. */
  readonly shown: string;
}

/** Works in a mount of the kernel's. */
function leaveStates(
  scratch: Scratch,
  { options, left = /^$/ }: Form,
  random: Random,
): State[] {
  const image = scratch.path("image");
  makeImageByMke2fs(image, {
    size: "64M",
    options: ["-t", "ext4", "-O", "fast_commit", ...options],
  });
  using mounted = mount("kernel", image, scratch.path("mnt"), { options: ["commit=300"] });
  const states: State[] = [];
  for (let state = 0; state < STATES; state++) {
    const all = Array.from({ length: 20 }, () => randomCommand(random));
    const commands = all.filter((command) => !left.test(command)).slice(0, 8);
    if (state % 2 === 0) commands.unshift("sync -f .");
    must("bash", ["-c", `touch last; ${commands.join("\n")}`], { cwd: mounted.mountpoint });
    const path = scratch.path(`state${state}`);
    must("cp", ["--sparse=always", image, path]);
    states.push({ path, shown: view(mounted.mountpoint) });
  }
  return states;
}

/** What the kernel makes of a copy; undefined when it cannot replay it. */
function replayedByKernel(scratch: Scratch, copy: string): string | undefined {
  try {
    return viewBy("kernel", copy, scratch.path("mnt"), "rw");
  } catch (error) {
    // It reads past the journal's end when the last block for fast commits is in use.
    console.log(`the kernel cannot replay what it left: ${error}`);
    return undefined;
  } finally {
    if (!e2fsck(copy).clean) console.log("e2fsck finds faults after the kernel's own replay");
  }
}

function compare(scratch: Scratch, { path: state, shown: live }: State, asItWas: boolean): number {
  const [byKernel, byKfs] = [`${state}.kernel`, `${state}.kfs`];
  for (const copy of [byKernel, byKfs]) must("cp", ["--sparse=always", state, copy]);
  const wanted = asItWas ? live : replayedByKernel(scratch, byKernel);
  const digest = must("sha256sum", ["-z", state]);
  const shown = viewBy("kfs", state, scratch.path("mnt"), "ro");
  if (wanted !== undefined) {
    assert.equal(shown, wanted, asItWas ? "as it was" : "kernel and kfs -o ro");
  }
  assert.equal(must("sha256sum", ["-z", state]), digest, "a read-only mount writes nothing");
  const messages: string[] = [];
  open(byKfs, { report: (text) => messages.push(text) }).close();
  mustBeClean(byKfs, "after kfs replayed the fast commits");
  assert.equal(viewBy("kernel", byKfs, scratch.path("mnt"), "ro"), shown, "shown and replayed");
  for (const path of [state, byKernel, byKfs]) Deno.removeSync(path);
  return messages.filter((text) => text.includes("fast commits")).length;
}

for (const [name, form] of Object.entries(FORMS)) {
  testWith({
    name: `fast commits of the kernel are replayed: ${name}`,
    needs: [...mountNeeds, kernelExt4, fastCommits, programs("fallocate")],
    fn() {
      const seed = numberFromEnv(SEED_VARIABLE, 11);
      console.log(`${SEED_VARIABLE}=${seed}`);
      using scratch = new Scratch("fast-commit");
      let replayed = 0;
      for (const state of leaveStates(scratch, form, new Random(seed))) {
        replayed += compare(scratch, state, form.asItWas === true);
      }
      console.log(`${replayed} of ${STATES} states had fast commits`);
      // Most of what these commands do with inline data the kernel does not record.
      if (name !== "inline data") assert.ok(replayed > 0, "no state had fast commits");
    },
  });
}
