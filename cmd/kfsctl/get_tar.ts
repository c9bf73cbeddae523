/** `kfsctl get --all --tar IMAGE [-o FILE]`: everything in an image as a tar archive. @module */

import { formatBytes } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine, OptionSpec } from "../shared/command_line.ts";
import { openImage, operandsOf } from "./open_image.ts";

export const TAR_OPTIONS: readonly OptionSpec[] = [
  { name: "all", help: "everything in the image; with --tar" },
  { name: "tar", help: "write a tar archive (pax) with attributes, ACLs and holes" },
  {
    letter: "o",
    name: "output",
    value: "FILE",
    help: "the archive's file; standard output if not given",
  },
];

const BUFFER_BYTES = 1 << 20;

/** Whether an archive is asked for. @throws CommandError for half of it */
export function wantsTar(line: CommandLine): boolean {
  if (line.has("all") !== line.has("tar")) {
    throw new CommandError("--all and --tar go together: kfsctl get --all --tar IMAGE [-o FILE]");
  }
  if (line.has("o") && !line.has("tar")) throw new CommandError("-o is for --all --tar");
  if (line.has("tar") && (line.has("r") || line.has("p"))) {
    throw new CommandError("--all --tar takes -o, --offset and --json only");
  }
  return line.has("tar");
}

export function getTar(line: CommandLine): number {
  const [path] = operandsOf(line, 0, 0, "kfsctl get --all --tar IMAGE [-o FILE]");
  const file = line.last("o");
  if (file === undefined && Deno.stdout.isTerminal()) {
    throw new CommandError("an archive is not written to a terminal: -o FILE, or a pipe");
  }
  if (file === undefined && line.has("json")) throw new CommandError("--json needs -o FILE");
  using image = openImage(line, path, true);
  const output = file === undefined ? undefined : newFile(file);
  let complete = false;
  try {
    const buffer = new OutputBuffer(output ?? Deno.stdout);
    const written = image.writeTar(buffer.write, (message) => {
      console.error(`kfsctl get: warning: ${message}`);
    });
    buffer.flush();
    complete = true;
    if (line.has("json")) console.log(JSON.stringify(written));
    else if (file !== undefined) {
      console.log(`Wrote ${written.members} members with ${formatBytes(written.bytes)} of data`);
    }
    return 0;
  } finally {
    output?.close();
    if (!complete && file !== undefined) Deno.removeSync(file);
  }
}

function newFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CommandError(`${path} exists already`);
    }
    throw error;
  }
}

/** Puts small writes together. */
class OutputBuffer {
  readonly #bytes = new Uint8Array(BUFFER_BYTES);
  #used = 0;

  constructor(readonly output: { writeSync(bytes: Uint8Array): number }) {}

  readonly write = (bytes: Uint8Array): void => {
    if (this.#used + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) return this.#writeAll(bytes);
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  };

  flush(): void {
    this.#writeAll(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) done += this.output.writeSync(bytes.subarray(done));
  }
}
