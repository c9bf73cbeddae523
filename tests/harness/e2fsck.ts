/**
 * e2fsck as a judge of images, and the project's own checker beside it.
 *
 * @module
 */

import { openFileDevice } from "../../ffi/device/open.ts";
import { check } from "../../fs/check/check.ts";
import { run } from "../../tools/process.ts";

/** What `e2fsck -fn` says of an image; it changes nothing. */
export function e2fsck(image: string): { readonly clean: boolean; readonly output: string } {
  const done = run("e2fsck", ["-fn", image], { env: { LC_ALL: "C" } });
  return { clean: done.code === 0, output: `${done.stdout}${done.stderr}` };
}

/** Throws, with e2fsck's own words, when the image is not clean; they are kept beside the image. */
export function mustBeClean(image: string, when = "after the test"): void {
  const { clean, output } = e2fsck(image);
  if (clean) {
    mustPassChecker(image, when);
    return;
  }
  Deno.writeTextFileSync(`${image}.e2fsck`, output);
  const shown = output.length > 4000 ? `${output.slice(0, 4000)}\n…` : output;
  throw new Error(`e2fsck -fn finds faults ${when} in ${image}:\n${shown}`);
}

/** What e2fsck finds clean, the checker must find clean. */
function mustPassChecker(image: string, when: string): void {
  const device = openFileDevice(image, { readOnly: true, lock: false });
  try {
    const { clean, findings } = check(device);
    if (clean) return;
    const shown = findings.slice(0, 20).map(({ message }) => message).join("\n");
    throw new Error(`kfsctl check finds faults ${when} in ${image}, e2fsck none:\n${shown}`);
  } finally {
    device.close();
  }
}
