/**
 * Going to the background. Deno's threads do not survive fork(2), so kfs starts itself a second time,
 * detached, and waits for its word.
 *
 * @module
 */

import type { KfsOptions } from "./mount_options.ts";

/** The environment variable that hands the options to the process in the background. */
const OPTIONS_VARIABLE = "KFS_BACKGROUND_OPTIONS";
/** First line of the background process's standard output once the mount answers. */
export const READY_LINE = "ready";

/** Signals that end a start that takes long: the process in the background is told. */
const STOPPING = ["SIGINT", "SIGTERM"] as const;

/** The options that the starting process left, when this is the process in the background. */
export function takeBackgroundOptions(): KfsOptions | undefined {
  const text = Deno.env.get(OPTIONS_VARIABLE);
  if (text === undefined) return undefined;
  Deno.env.delete(OPTIONS_VARIABLE);
  return JSON.parse(text);
}

/** Starts the serving process and waits until the mount answers or cannot be made. @returns the exit status. */
export async function runInBackground(options: KfsOptions): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: programArguments(),
    cwd: "/",
    env: { [OPTIONS_VARIABLE]: JSON.stringify(absolute(options)) },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  const stop = (): void => child.kill("SIGTERM");
  for (const signal of STOPPING) Deno.addSignalListener(signal, stop);
  const errors = collect(child.stderr);
  const first = await firstLine(child.stdout);
  for (const signal of STOPPING) Deno.removeSignalListener(signal, stop);
  if (first === READY_LINE) {
    child.unref();
    return 0;
  }
  const status = await child.status;
  await Deno.stderr.write(new TextEncoder().encode(await errors));
  return status.code === 0 ? 1 : status.code;
}

/** Paths must not depend on the current directory: the background process works in `/`. */
function absolute(options: KfsOptions): KfsOptions {
  const path = (name: string): string =>
    name === "" || name.startsWith("/") ? name : `${Deno.cwd()}/${name}`;
  return {
    ...options,
    image: path(options.image),
    mountPoint: path(options.mountPoint),
    logFile: path(options.logFile),
  };
}

/** Small young generations: the engine makes little garbage, and a mount should not hold memory for it. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=2,--min-semi-space-size=1";

/** How to start this very program again. */
function programArguments(): string[] {
  if (Deno.build.standalone) return [];
  return ["run", "-A", V8_FLAGS, "--no-config", "--no-lock", "--no-prompt", Deno.mainModule];
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of stream) {
    text += decoder.decode(part, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return text;
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of stream) text += decoder.decode(part, { stream: true });
  return text;
}
