/** kfsd as an ordinary user, shut in by a user namespace. @module */

import assert from "node:assert/strict";

import { OPCODE } from "../../ffi/fuse/abi.ts";
import { connectTo } from "../../ffi/libc/socket.ts";
import { TestFrontEnd } from "../../vhost/testing/front_end.ts";
import { TestGuest } from "../../vhost/testing/guest.ts";
import { projectRoot, run } from "../../tools/process.ts";
import { Scratch } from "../harness/scratch.ts";
import { type Need, programs, root, testWith } from "../harness/skip.ts";
import { Daemon } from "./daemon.ts";

const USER = 65534;
const EPERM = -1;
const NO_DIRECTORY = -20;

function asUser(...words: readonly string[]): number {
  const identity = [`--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];
  return run("setpriv", [...identity, ...words]).code;
}

const userNamespaces: Need = () => {
  if (asUser("test", "-r", `${projectRoot}/cmd/kfsd.ts`) !== 0) return "users cannot read kfsd";
  if (asUser("test", "-x", Deno.execPath()) !== 0) return "users cannot run deno";
  const made = asUser("unshare", "--user", "--map-root-user", "--mount", "true");
  return made === 0 ? undefined : "users may not make user namespaces here";
};

testWith({
  name:
    "an ordinary user shares a directory; links lead nowhere; only the user's own files are made",
  needs: [root, programs("setpriv", "unshare"), userNamespaces],
  fn: async () => {
    using scratch = new Scratch("vhost-user");
    Deno.chmodSync(scratch.folder, 0o777);
    const share = scratch.makeFolder("share");
    Deno.chmodSync(share, 0o777);
    Deno.symlinkSync("/etc", `${share}/outward`);
    const user = { uid: USER, cacheFolder: scratch.path("cache") };
    await using daemon = await Daemon.start(scratch.path("socket"), ["--shared-dir", share], user);
    const frontEnd = new TestFrontEnd(connectTo(daemon.socket), () => {});
    frontEnd.start();
    const guest = new TestGuest(frontEnd);
    assert.equal(guest.connect().error, 0);
    const create = (name: string) =>
      guest.ask(OPCODE.CREATE, 1, [{ u32: 2 }, { u32: 0o100644 }, { u32: 0 }, { u32: 0 }, name]);
    assert.equal(create("own").error, 0);
    guest.uid = guest.gid = 1234;
    assert.equal(create("other").error, EPERM);
    const found = guest.ask(OPCODE.LOOKUP, 1, ["outward"]);
    const outward = Number(found.body.getBigUint64(0, true));
    const through = guest.ask(OPCODE.LOOKUP, outward, ["passwd"]).error;
    assert.equal(through, NO_DIRECTORY);
    assert.equal(Deno.readLinkSync(`/proc/${daemon.pid}/cwd`).includes("/fd"), true);
    frontEnd.close();
    const { code, log } = await daemon.ended();
    assert.equal(code, 0, log);
    assert.equal(Deno.statSync(`${share}/own`).uid, USER);
    assert.deepEqual([...Deno.readDirSync(share)].map(({ name }) => name).sort(), [
      "outward",
      "own",
    ]);
  },
});
