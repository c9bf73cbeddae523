/**
 * Errors as a command reports them: one line, exit status 1.
 *
 * @module
 */

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
  return expected ? error.message.replaceAll(/\s*\n\s*/g, " ") : undefined;
}

/** Runs a command's main function and ends the process with its status. */
export async function runCommand(
  name: string,
  main: () => number | Promise<number>,
): Promise<never> {
  try {
    Deno.exit(await main());
  } catch (error) {
    const line = errorLine(error);
    if (line === undefined) console.error(`${name}: internal error:`, error);
    else console.error(`${name}: ${line}`);
    Deno.exit(error instanceof CommandError ? error.exitStatus : 1);
  }
}
