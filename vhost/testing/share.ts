/**
 * A directory shared by a server in the test's own process.
 *
 * @module
 */

import assert from "node:assert/strict";

import { OPCODE } from "../../ffi/fuse/abi.ts";
import { type ParsedReply, type Part, TestServer } from "../../ffi/fuse/testing/request_builder.ts";
import { O_DIRECTORY, O_PATH } from "../../ffi/libc/constants.ts";
import { close, open } from "../../ffi/libc/file.ts";
import { Credentials } from "../host/credentials.ts";
import { HostFileSystem } from "../host/host_file_system.ts";
import type { HostOptions } from "../host/host_options.ts";

export const PLAIN: HostOptions = {
  cache: "auto",
  readOnly: false,
  xattr: true,
  xattrMap: "",
  posixAcl: false,
  writeback: false,
  directIo: false,
  allowMmap: false,
  preserveNoatime: false,
  submounts: true,
  fileHandles: "never",
  uidRules: [],
  gidRules: [],
};

/** Callers of the requests are other users: making files for them takes root. */
export const IS_ROOT = Deno.uid() === 0;

/** A shared directory in a temporary folder, and a server over it. */
export class Share implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "kfs-share-" });
  readonly path = `${this.folder}/share`;
  readonly server: TestServer;
  readonly #before = Deno.cwd();
  readonly #root: number;

  constructor(options: Partial<HostOptions> = {}) {
    Deno.mkdirSync(this.path);
    Deno.writeTextFileSync(`${this.folder}/outside`, "secret");
    this.#root = open(this.path, O_PATH | O_DIRECTORY);
    Deno.chdir("/proc/self/fd");
    const files = new HostFileSystem(
      this.#root,
      { ...PLAIN, ...options },
      new Credentials(IS_ROOT),
      () => {},
    );
    this.server = new TestServer(files);
    assert.equal(this.server.connect()?.error, 0);
  }

  ask(opcode: number, node: number, parts: readonly Part[] = []): ParsedReply {
    const reply = this.server.ask(opcode, node, parts);
    assert.ok(reply !== undefined);
    return reply;
  }

  lookup(parent: number, name: string): number {
    const reply = this.ask(OPCODE.LOOKUP, parent, [name]);
    assert.equal(reply.error, 0, name);
    return Number(reply.body.getBigUint64(0, true));
  }

  open(node: number, flags = 2): ParsedReply {
    return this.ask(OPCODE.OPEN, node, [{ u32: flags }, { u32: 0 }]);
  }

  [Symbol.dispose](): void {
    this.server.server.end();
    close(this.#root);
    Deno.chdir(this.#before);
    Deno.removeSync(this.folder, { recursive: true });
  }
}
