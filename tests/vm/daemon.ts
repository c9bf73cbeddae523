/**
 * kfsd as a process of its own, for tests.
 *
 * @module
 */

import { projectRoot } from "../../tools/process.ts";

/** How long a daemon may take to listen. */
const START_MS = 20_000;

const LISTEN_MS = 50;

/** Another user than the test's. */
export interface AsUser {
  readonly uid: number;
  /** A folder that this user may write. */
  readonly cacheFolder: string;
  /** A file that stands for /etc/subuid and /etc/subgid. */
  readonly subordinates?: string;
}

/** The command of another user, in a mount namespace where the user has subordinate ids. */
function commandOf({ uid, subordinates }: AsUser, command: readonly string[]): string[] {
  const words = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...command];
  if (subordinates === undefined) return words;
  const bind = 'for file in subuid subgid; do mount --bind "$0" /etc/$file; done; exec "$@"';
  return ["unshare", "--mount", "sh", "-c", bind, subordinates, ...words];
}

/** A running kfsd. It ends with the `using` block. */
export class Daemon implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;

  private constructor(child: Deno.ChildProcess, readonly socket: string) {
    this.#child = child;
    this.#output = new Response(child.stderr).text();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Starts it, and waits until it listens. */
  static async start(
    socket: string,
    words: readonly string[],
    asUser?: AsUser,
  ): Promise<Daemon> {
    const command = [
      Deno.execPath(),
      ...["run", "-A", "--no-config", "--no-lock", `${projectRoot}/cmd/kfsd.ts`],
      ...["--socket-path", socket, ...words],
    ];
    const [program = "", ...args] = asUser === undefined ? command : commandOf(asUser, command);
    const child = new Deno.Command(program, {
      args,
      env: asUser === undefined ? {} : { DENO_DIR: asUser.cacheFolder },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const daemon = new Daemon(child, socket);
    const end = performance.now() + START_MS;
    while (!isThere(`${socket}.pid`) || !isThere(socket)) {
      if (performance.now() > end) throw new Error(`kfsd does not listen at ${socket}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // Between bind(2) and listen(2) the path is there, and connections are refused.
    await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
    return daemon;
  }

  /** Asks it to end. @returns exit status and what it wrote */
  async stop(): Promise<{ code: number; log: string }> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    const { code } = await this.#child.status;
    return { code, log: await this.#output };
  }

  /** Waits for its end. */
  async ended(): Promise<{ code: number; log: string }> {
    const { code } = await this.#child.status;
    return { code, log: await this.#output };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
