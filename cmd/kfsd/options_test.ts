import assert from "node:assert/strict";

import { CommandError } from "../shared/command_error.ts";
import { type KfsdOptions, readOptions } from "./options.ts";

const NEEDED = ["--shared-dir", "/srv", "--socket-path", "/run/socket"];

function read(...words: readonly string[]): KfsdOptions {
  const options = readOptions([...NEEDED, ...words]);
  assert.ok(typeof options === "object");
  return options;
}

Deno.test("the filter is on, unless another word is said", () => {
  assert.equal(read().seccomp, "kill");
  assert.equal(read("--seccomp=none").seccomp, "none");
  assert.equal(read("-o", "seccomp=trap").seccomp, "trap");
});

Deno.test("maps of attributes' names, and of a namespace's ids", () => {
  const options = read("--xattrmap", ":map::user.v.:", "--uid-map", "/0/100000/65536/");
  assert.equal(options.xattr, true);
  assert.equal(options.xattrMap, ":map::user.v.:");
  assert.equal(options.uidMap, "0:100000:65536");
  assert.equal(read("-o", "xattrmap=:map::user.v.:").xattrMap, ":map::user.v.:");
});

Deno.test("libvirt's and Kata's command lines are taken", () => {
  read("--thread-pool-size", "1", "-o", "cache=always,no_posix_lock,xattr,sandbox=chroot");
  const kata = ["--cache", "auto", "--thread-pool-size=1", "--announce-submounts", "--syslog"];
  assert.equal(read(...kata).submounts, true);
});

const REFUSED: readonly (readonly string[])[] = [
  ["--seccomp", "maybe"],
  ["--xattrmap", ""],
  ["--xattrmap", ":ok:all::"],
  ["--uid-map", "0:1:2"],
  ["--gid-map", ":0:1:0:"],
  ["--uid-map", ":0:1:2:", "--sandbox", "none"],
  ["--thread-pool-size", "64"],
  ["--inode-file-handles", "always"],
  ["--translate-uid", "map:0:1"],
  ["--security-label"],
  ["--migration-mode", "find-paths"],
];

Deno.test("what cannot be is refused in one line", () => {
  for (const words of REFUSED) {
    assert.throws(() => read(...words), (error) => {
      return error instanceof CommandError && !error.message.includes("\n");
    }, words.join(" "));
  }
});
