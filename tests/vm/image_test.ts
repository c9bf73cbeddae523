/** An ext4 image in two real guests at once, then read-only. @module */

import assert from "node:assert/strict";

import { mustBeClean } from "../harness/e2fsck.ts";
import { mustCommand } from "../harness/commands.ts";
import { Scratch } from "../harness/scratch.ts";
import { programs, testWith } from "../harness/skip.ts";
import { run } from "../../tools/process.ts";
import { Daemon } from "./daemon.ts";
import { runMachine } from "./guest.ts";
import { virtualMachine } from "./kernel.ts";

const TWO_MOUNTS = `
mkdir -p /one /two
mount -t virtiofs one /one
mount -t virtiofs two /two
echo "first" > /one/file
test "$(cat /two/file)" = first
echo "second, longer" > /two/file
test "$(cat /one/file)" = "second, longer"
mkdir /two/folder
i=0; while [ $i -lt 200 ]; do echo $i > /one/folder/f$i; i=$((i+1)); done
test $(ls /two/folder | wc -l) = 200
rm /two/folder/f1?
test $(ls /one/folder | wc -l) = 190
dd if=/dev/urandom of=/one/big bs=256k count=16 2> /dev/null
cmp /one/big /two/big
ln -s folder /one/link
test "$(cat /two/link/f5)" = 5
md5sum < /two/big
sync
umount /one
test "$(cat /two/file)" = "second, longer"
umount /two
`;

const READ_ONLY = `
mount -t virtiofs ro /mnt
test "$(cat /mnt/file)" = "second, longer"
if echo no > /mnt/file 2> /dev/null; then exit 1; fi
umount /mnt
`;

testWith({
  name:
    "two front-ends work in one image at once; e2fsck finds it clean; then it is served read-only",
  needs: [virtualMachine, programs("e2fsck", "debugfs")],
  timeoutMs: 480_000,
  fn: async () => {
    using scratch = new Scratch("vm-image");
    const image = scratch.path("disk.img");
    mustCommand("mkfs", ["-q", image, "64M"]);
    {
      await using daemon = await Daemon.start(scratch.path("socket"), ["--image", image]);
      const printed = runMachine({
        folder: scratch.makeFolder("machine"),
        shares: { one: daemon.socket, two: daemon.socket },
        script: TWO_MOUNTS,
      });
      const { code, log } = await daemon.ended();
      assert.equal(code, 0, log);
      mustBeClean(image);
      const dumped = run("sh", ["-c", `debugfs -R 'cat /big' ${image} 2> /dev/null | md5sum`]);
      assert.ok(printed.includes(dumped.stdout.slice(0, 32)));
    }
    const before = run("md5sum", [image]).stdout;
    await using daemon = await Daemon.start(scratch.path("socket"), [
      ...["--image", image, "--readonly"],
    ]);
    runMachine({
      folder: scratch.makeFolder("machine"),
      shares: { ro: daemon.socket },
      script: READ_ONLY,
    });
    assert.equal((await daemon.ended()).code, 0);
    assert.equal(run("md5sum", [image]).stdout, before);
  },
});
