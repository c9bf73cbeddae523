/**
 * Running other programs, for the tasks and the tests.
 *
 * @module
 */

/** What a finished program left behind. */
export interface Finished {
  /** Exit status; 128 + signal number when a signal ended it; 127 when it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Text for its standard input; without it the input is empty. */
  readonly input?: string;
  /** Let the program write to our own output instead of collecting it. */
  readonly show?: boolean;
}

/** Runs `command` to its end and returns its status and output; a missing program is status 127. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Finished {
  const how = options.show === true ? "inherit" : "piped";
  try {
    const prepared = new Deno.Command(command, {
      args: [...args],
      cwd: options.cwd,
      env: options.env,
      stdin: "null",
      stdout: how,
      stderr: how,
    });
    if (options.input !== undefined) return runWithInput(command, args, options);
    const output = prepared.outputSync();
    return {
      code: output.code,
      stdout: how === "piped" ? decode(output.stdout) : "",
      stderr: how === "piped" ? decode(output.stderr) : "",
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return { code: 127, stdout: "", stderr: `${command}: ${error.message}` };
    }
    throw error;
  }
}

/** Deno's synchronous commands take no input: a shell feeds it from a file. */
function runWithInput(command: string, args: readonly string[], options: RunOptions): Finished {
  const file = Deno.makeTempFileSync({ prefix: "kfs-input-" });
  try {
    Deno.writeTextFileSync(file, options.input ?? "");
    return run("sh", ["-c", 'input=$1; shift; exec "$@" <"$input"', "sh", file, command, ...args], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
  } finally {
    Deno.removeSync(file);
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Where `program` is on PATH (sbin folders included), or undefined. */
export function findProgram(program: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (const folder of [...folders, "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"]) {
    if (folder === "") continue;
    try {
      const path = `${folder}/${program}`;
      const info = Deno.statSync(path);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The repository's root folder, with no slash at its end. */
export const projectRoot: string = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
