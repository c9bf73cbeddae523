/**
 * kfs: mounts an ext4 image through FUSE. In the background unless told otherwise: then a detached
 * process of its own serves the file system, and this one returns once the mount answers.
 *
 * @module
 */

import { helpText, parseArguments } from "./kfs/arguments.ts";
import { runInBackground, takeBackgroundOptions } from "./kfs/background.ts";
import { OptionError } from "./kfs/mount_options.ts";
import { VERSION } from "./shared/version.ts";

async function main(): Promise<number> {
  const handed = takeBackgroundOptions();
  if (handed !== undefined) {
    const { serve } = await import("./kfs/serve.ts");
    return await serve(handed);
  }
  const request = parseArguments(Deno.args);
  if (request.kind === "help") {
    console.log(helpText());
    return 0;
  }
  if (request.kind === "version") {
    console.log(`kfs ${VERSION}`);
    return 0;
  }
  if (!request.options.foreground) return await runInBackground(request.options);
  const { serve } = await import("./kfs/serve.ts");
  return await serve(request.options);
}

try {
  Deno.exit(await main());
} catch (error) {
  const hint = error instanceof OptionError ? " (kfs --help lists all)" : "";
  console.error(`kfs: ${error instanceof Error ? error.message : error}${hint}`);
  Deno.exit(1);
}
