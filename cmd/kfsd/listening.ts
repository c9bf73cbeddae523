/**
 * The listening socket: made here, or handed over.
 *
 * @module
 */

import {
  LOCK_EX,
  LOCK_NB,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  O_RDWR,
} from "../../ffi/libc/constants.ts";
import { flock, open, pwrite, truncate } from "../../ffi/libc/file.ts";
import { libc } from "../../ffi/libc/library.ts";
import { cString } from "../../ffi/libc/path.ts";
import { isListening, listenAt } from "../../ffi/libc/socket.ts";
import { CommandError } from "../shared/command_error.ts";
import type { KfsdOptions } from "./options.ts";

/** The first descriptor that systemd hands over. */
const FIRST_HANDED = 3;

/** A listening socket, and what to take away at the end. */
export interface Listening {
  readonly descriptor: number;
  readonly remove: () => void;
  /** O_PATH descriptors of the folders in which `remove` works. */
  readonly folders: readonly number[];
}

/** Where to listen: as in the options. */
export type Place = Pick<KfsdOptions, "socketPath" | "socketGroup" | "fd">;

/** Opens it. @throws CommandError when another process serves the path. */
export function openListening(options: Place): Listening {
  const { socketPath } = options;
  if (options.fd >= 0 || socketPath === "") {
    const descriptor = options.fd >= 0 ? options.fd : handedSocket();
    if (!isListening(descriptor)) {
      throw new CommandError(`descriptor ${descriptor} is not a listening socket`);
    }
    return { descriptor, remove: () => {}, folders: [] };
  }
  const pidPath = `${socketPath}.pid`;
  const lock = open(pidPath, O_RDWR | O_CREAT, 0o600);
  if (!flock(lock, LOCK_EX | LOCK_NB)) {
    throw new CommandError(`${socketPath} is served by another process (${pidPath})`);
  }
  truncate(lock, 0);
  pwrite(lock, new TextEncoder().encode(`${Deno.pid}\n`), 0);
  removeSocket(socketPath);
  const removal = remover([socketPath, pidPath]);
  const descriptor = listenAt(socketPath);
  if (options.socketGroup === "") {
    Deno.chmodSync(socketPath, 0o700);
  } else {
    Deno.chownSync(socketPath, null, groupId(options.socketGroup));
    Deno.chmodSync(socketPath, 0o770);
  }
  return { descriptor, ...removal };
}

/** Removes files from where their folder is now: the sandbox has no way to their paths. */
function remover(paths: readonly string[]): Pick<Listening, "remove" | "folders"> {
  const places = paths.map((path) => {
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "." : path.slice(0, slash + 1);
    return { folder: open(folder, O_PATH | O_DIRECTORY), name: cString(path.slice(slash + 1)) };
  });
  const remove = () => {
    for (const { folder, name } of places) libc().unlinkat(folder, name, 0);
  };
  return { remove, folders: places.map(({ folder }) => folder) };
}

/** By systemd's protocol (sd_listen_fds(3)). The process id is the same before and after exec. */
function handedSocket(): number {
  const count = Number(Deno.env.get("LISTEN_FDS") ?? "0");
  if (Deno.env.get("LISTEN_PID") === String(Deno.pid) && count === 1) return FIRST_HANDED;
  throw new CommandError("one of --socket-path PATH and --fd N is needed");
}

/** A socket that nobody serves any more makes way; anything else stays. */
function removeSocket(path: string): void {
  try {
    const { isSocket } = Deno.lstatSync(path);
    if (isSocket !== true) throw new CommandError(`${path} is there and is no socket`);
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function groupId(name: string): number {
  for (const line of Deno.readTextFileSync("/etc/group").split("\n")) {
    const fields = line.split(":");
    if (fields[0] === name) return Number(fields[2]);
  }
  if (/^\d+$/.test(name)) return Number(name);
  throw new CommandError(`--socket-group ${name}: there is no such group`);
}
