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

/** `struct fuse_create_in`, the name. */
function createAs(guest: TestGuest, id: number, name: string): number {
  guest.uid = guest.gid = id;
  return guest.ask(OPCODE.CREATE, 1, [{ u32: 2 }, { u32: 0o100644 }, { u32: 0 }, { u32: 0 }, name])
    .error;
}

const subordinateFiles: Need = () => {
  const there = run("sh", ["-c", "test -e /etc/subuid && test -e /etc/subgid"]).code === 0;
  return there ? undefined : "there is no /etc/subuid";
};

testWith({
  name: "an ordinary user's guests have the users that --uid-map and --gid-map give",
  needs: [root, programs("setpriv", "unshare", "newuidmap"), subordinateFiles, userNamespaces],
  fn: async () => {
    using scratch = new Scratch("vhost-map");
    Deno.chmodSync(scratch.folder, 0o777);
    const share = scratch.makeFolder("share");
    Deno.chmodSync(share, 0o777);
    const cacheFolder = scratch.makeFolder("cache");
    Deno.chmodSync(cacheFolder, 0o777);
    const subordinates = scratch.path("subordinates");
    Deno.writeTextFileSync(subordinates, `${USER}:300000:1000\n`);
    const map = ":0:300000:1000:";
    await using daemon = await Daemon.start(scratch.path("socket"), [
      ...["--shared-dir", share, "--uid-map", map, "--gid-map", map],
    ], { uid: USER, cacheFolder, subordinates });
    const frontEnd = new TestFrontEnd(connectTo(daemon.socket), () => {});
    frontEnd.start();
    const guest = new TestGuest(frontEnd);
    assert.equal(guest.connect().error, 0);
    assert.equal(createAs(guest, 0, "root"), 0);
    assert.equal(createAs(guest, 12, "twelve"), 0);
    assert.equal(createAs(guest, 1000, "beyond"), EPERM);
    frontEnd.close();
    const { code, log } = await daemon.ended();
    assert.equal(code, 0, log);
    const owners = ["root", "twelve"].map((name) => Deno.statSync(`${share}/${name}`).uid);
    assert.deepEqual(owners, [300_000, 300_012]);
  },
});

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
    assert.equal(createAs(guest, 0, "own"), 0);
    assert.equal(createAs(guest, 1234, "other"), EPERM);
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
