/**
 * Errors as a command reports them: one line, exit status 1.
 *
 * @module
 */

import { startWhenLoaded } from "./start.ts";

/** Something that the user has to hear of, in one line. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  constructor(message: string, readonly exitStatus = 1) {
    super(message);
  }
}

/**
 * The line for an error that is expected in use (options, files, images), without line breaks;
 * undefined for a fault of the program.
 */
export function errorLine(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const expected = error instanceof CommandError || "errno" in error ||
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
  return expected ? placeFirst(error.message.replaceAll(/\s*\n\s*/g, " ")) : undefined;
}

/** Deno says "No such file or directory (os error 2): stat '/x'": the place belongs before it. */
function placeFirst(message: string): string {
  const [, reason, call, path] = /^(.+?) \(os error \d+\): (\w+) '(.*)'$/.exec(message) ?? [];
  if (reason === undefined) return message;
  return `${path}: ${call}: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
}

/** Runs a command's main function, once all is loaded, and ends the process with its status. */
export function runCommand(name: string, main: () => number | Promise<number>): void {
  startWhenLoaded(async () => {
    try {
      Deno.exit(await main());
    } catch (error) {
      const line = errorLine(error);
      if (line === undefined) console.error(`${name}: internal error:`, error);
      else console.error(`${name}: ${line}`);
      Deno.exit(error instanceof CommandError ? error.exitStatus : 1);
    }
  });
}
