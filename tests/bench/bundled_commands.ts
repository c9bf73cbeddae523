/**
 * The commands as people get them: bundled, not as hundreds of modules that Deno loads one by one.
 *
 * @module
 */

import { bundleCommand } from "../../tools/bundle.ts";
import { BIN_DIR_VARIABLE } from "../harness/commands.ts";

const COMMANDS = ["mkfs", "kfs"];

/**
 * Bundles the commands into `folder` as the executables hold them, and lets everything that starts commands from now on
 * start these, as the executables do. Where KFS_BIN_DIR names others, those stay.
 */
export function useBundledCommands(folder: string): void {
  if (Deno.env.get(BIN_DIR_VARIABLE) !== undefined) return;
  Deno.mkdirSync(folder);
  for (const name of COMMANDS) {
    bundleCommand(name, folder);
    const flags = "-A --no-config --no-lock --no-prompt";
    const script =
      `#!/bin/sh\nexec "${Deno.execPath()}" run ${flags} "${folder}/${name}.js" "$@"\n`;
    Deno.writeTextFileSync(`${folder}/${name}`, script, { mode: 0o755 });
  }
  Deno.env.set(BIN_DIR_VARIABLE, folder);
}
