/**
 * Which programs of the host a test can use.
 *
 * @module
 */

/** Where a program is; undefined when it is not on the path. */
export function whereIs(program: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.map((folder) => `${folder}/${program}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Whether a program is on the path. */
export function has(program: string): boolean {
  return whereIs(program) !== undefined;
}
