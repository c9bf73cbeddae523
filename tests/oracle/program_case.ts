/**
 * The frame of tests that let a real program work on a fresh mount and then have the image judged.
 *
 * @module
 */

import { command, must } from "../harness/commands.ts";
import { type ImageSpec, makeImage } from "../harness/image.ts";
import { kernelExt4, mount, type Mounted, underTest } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { fuse, type Need, programs, testWith } from "../harness/skip.ts";
import { judge, withLog } from "../harness/verdict.ts";

/** What a mount of the implementation under test needs. */
export const mountNeeds: readonly Need[] = [
  () => underTest() === "kfs" ? command("mkfs")() ?? command("kfs")() : undefined,
  () => underTest() === "kernel" ? kernelExt4() : fuse(),
  programs("e2fsck"),
];

/** One program's work. */
export interface ProgramCase {
  readonly name: string;
  readonly programs: readonly string[];
  /** Further needs. */
  readonly needs?: readonly Need[];
  readonly image?: ImageSpec;
  readonly mountOptions?: readonly string[];
  /** Works in the mount; throws when the program fails or its result is wrong. */
  readonly work: (mounted: Mounted, scratch: Scratch) => void;
}

/** Defines the test: image, mount, work, unmount, e2fsck, the kernel's view. */
export function testProgram(wanted: ProgramCase): void {
  testWith({
    name: wanted.name,
    needs: [...mountNeeds, programs(...wanted.programs), ...wanted.needs ?? []],
    fn() {
      using scratch = new Scratch("program");
      const image = scratch.path("image");
      makeImage(image, wanted.image ?? { size: "512M" });
      withLog(image, () => {
        using mounted = mount(underTest(), image, scratch.path("mnt"), {
          options: wanted.mountOptions ?? [],
        });
        wanted.work(mounted, scratch);
        judge(mounted, wanted.name);
      });
    },
  });
}

/** Runs a shell script with the mount as its folder; every command in it has to succeed. */
export function script(mounted: Mounted, text: string, ...args: readonly string[]): string {
  return must("bash", ["-euo", "pipefail", "-c", text, "script", ...args], {
    cwd: mounted.mountpoint,
  });
}
