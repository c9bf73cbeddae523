/**
 * kfsd: shares a directory of the host, or an ext4 image, with virtual machines: a vhost-user back-end for
 * virtio-fs that takes virtiofsd's options.
 *
 * @module
 */

import { becomeServingProcess, isServingProcess } from "./kfsd/handover.ts";
import { readOptions, SPEC } from "./kfsd/options.ts";
import { runCommand } from "./shared/command_error.ts";
import { helpText } from "./shared/command_line.ts";
import { VERSION } from "./shared/version.ts";

const SERVING_PROCESS = new URL("./kfsd/serving_process.ts", import.meta.url).href;
/** What libvirt reads (QEMU's docs/interop/vhost-user.json). */
const CAPABILITIES = { type: "fs", features: ["separate-options"] };

async function main(): Promise<number> {
  const request = readOptions(Deno.args);
  if (request === "help") console.log(await helpText(SPEC));
  else if (request === "version") console.log(`kfsd ${VERSION}`);
  else if (request === "print") console.log(JSON.stringify(CAPABILITIES, undefined, 2));
  else becomeServingProcess(request);
  return 0;
}

if (isServingProcess()) await import(SERVING_PROCESS);
runCommand("kfsd", main);
