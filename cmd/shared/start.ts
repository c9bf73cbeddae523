/** The start of a command. @module */

/**
 * Calls `main` once the module that calls this, the entry, has been evaluated to its end: Deno keeps V8's code of
 * modules for the next time only then, which makes that start 15 to 20 ms shorter.
 */
export function startWhenLoaded(main: () => void | Promise<void>): void {
  setTimeout(main, 0);
}
