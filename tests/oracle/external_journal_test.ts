/**
 * File systems whose journal is on another device: used, replayed and left as the kernel does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { must, runCommand } from "../harness/commands.ts";
import { kernelExt4, mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { testWith } from "../harness/skip.ts";
import { run } from "../../tools/process.ts";
import { mountNeeds } from "./program_case.ts";

/** Loop devices over a file system's image and its journal's. */
class Pair implements Disposable {
  readonly loops: string[] = [];

  constructor(readonly image: string, readonly journal: string) {}

  attach(path: string): string {
    const loop = must("losetup", ["--show", "-f", path]).trim();
    this.loops.push(loop);
    return loop;
  }

  detach(): void {
    for (const loop of this.loops.splice(0)) run("losetup", ["-d", loop]);
  }

  /** As mke2fs makes them. */
  static make(scratch: Scratch, blockBytes: string): Pair {
    const pair = new Pair(scratch.path("image"), scratch.path("journal"));
    for (const path of [pair.image, pair.journal]) must("truncate", ["-s", "64M", path]);
    const loop = pair.attach(pair.journal);
    must("mke2fs", ["-q", "-F", "-b", blockBytes, "-O", "journal_dev", loop, "32M"]);
    const options = ["-t", "ext4", "-b", blockBytes, "-J", `device=${loop}`];
    must("mke2fs", ["-q", "-F", ...options, pair.image, "64M"]);
    pair.detach();
    return pair;
  }

  /** e2fsck finds the journal by itself only on block devices. */
  check(when: string): void {
    const loop = this.attach(this.journal);
    const done = run("e2fsck", ["-fn", "-j", loop, this.image], { env: { LC_ALL: "C" } });
    this.detach();
    assert.equal(done.code, 0, `${when}: ${done.stdout}${done.stderr}`);
  }

  [Symbol.dispose](): void {
    this.detach();
  }
}

for (const blockBytes of ["1024", "4096"]) {
  testWith({
    name: `an external journal, blocks of ${blockBytes} bytes`,
    needs: [...mountNeeds, kernelExt4],
    fn() {
      using scratch = new Scratch("external");
      using pair = Pair.make(scratch, blockBytes);
      const mountpoint = scratch.makeFolder("mnt");
      const refused = runCommand("kfs", [pair.image, mountpoint]);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /its journal is on another device \(\d+:\d+, UUID [0-9a-f-]{36}\)/,
      );
      {
        const options = [`journal_path=${pair.journal}`];
        using mounted = mount("kfs", pair.image, mountpoint, { options });
        for (let i = 0; i < 200; i++) Deno.writeTextFileSync(mounted.path(`f${i}`), `${i}`);
        must("sync", ["-f", mounted.path("f1")]);
      }
      pair.check("after kfs");
      {
        // What the kernel leaves in the journal when it is cut off.
        const options = [`journal_path=${pair.attach(pair.journal)}`, "commit=300"];
        using mounted = mount("kernel", pair.image, mountpoint, { options });
        must("bash", ["-euc", "for i in $(seq 50 99); do mv f$i g$i; done; mkdir d; sync -f d"], {
          cwd: mounted.mountpoint,
        });
        must("cp", ["--sparse=always", pair.image, `${pair.image}.left`]);
        must("cp", ["--sparse=always", pair.journal, `${pair.journal}.left`]);
      }
      pair.detach();
      const left = new Pair(`${pair.image}.left`, `${pair.journal}.left`);
      const digests = () => must("sha256sum", [left.image, left.journal]);
      const before = digests();
      {
        using image = open(left.image, { journal: left.journal, readOnly: true });
        assert.ok(image.exists("g99") && !image.exists("f99") && image.exists("d"));
      }
      assert.equal(digests(), before, "nothing is written");
      {
        using image = open(left.image, { journal: left.journal });
        assert.equal(image.readTextFile("g77"), "77");
        image.remove("g77");
      }
      left.check("after the journal was replayed");
    },
  });
}

testWith({
  name: "an external journal that is another's, or none, is refused",
  needs: [...mountNeeds, kernelExt4],
  fn() {
    using scratch = new Scratch("external");
    using other = Pair.make(scratch, "4096");
    must("mv", [other.journal, scratch.path("other")]);
    using pair = Pair.make(scratch, "4096");
    must("mke2fs", ["-q", "-F", "-t", "ext4", scratch.path("inside"), "16M"]);
    const cases: readonly (readonly [string, string, RegExp])[] = [
      [pair.image, scratch.path("other"), /not this file system's: its UUID is another/],
      [pair.image, scratch.path("inside"), /it is no journal \(feature journal_dev\)/],
      [scratch.path("inside"), pair.journal, /its journal is inside/],
      [pair.journal, pair.journal, /it is the journal of another file system/],
    ];
    for (const [image, journal, words] of cases) {
      assert.throws(() => open(image, image === journal ? {} : { journal }), words);
    }
    Deno.writeFileSync(pair.journal, new Uint8Array(8192), { create: false });
    assert.throws(() => open(pair.image, { journal: pair.journal }), /s_magic/);
  },
});
