/** An ext4 image in two machines at once, then read-only. @module */

import assert from "node:assert/strict";

import { mustBeClean } from "../harness/e2fsck.ts";
import { mustCommand } from "../harness/commands.ts";
import { Scratch } from "../harness/scratch.ts";
import { programs, testWith } from "../harness/skip.ts";
import { run } from "../../tools/process.ts";
import { Daemon } from "./daemon.ts";
import { runMachine } from "./guest.ts";
import { virtualMachine } from "./kernel.ts";

/** The two machines wait for each other's marks in the image itself. */
const WAIT = 'waitfor() { while ! test -e "$1"; do sleep 1; done; }';

const FIRST = `
${WAIT}
mount -t virtiofs image /mnt
cd /mnt
echo first > a.new
mv a.new a
waitfor b
test "$(cat b)" = second
test "$(cat a)" = "first, longer"
mkdir folder
i=0; while [ $i -lt 200 ]; do echo $i > folder/f$i; i=$((i+1)); done
dd if=/dev/urandom of=big bs=256k count=16 2> /dev/null
md5sum big
touch filled
waitfor emptied
test $(ls folder | wc -l) = 190
test "$(cat link/f5)" = 5
cd /
umount /mnt
`;

const SECOND = `
${WAIT}
mount -t virtiofs image /mnt
cd /mnt
waitfor a
test "$(cat a)" = first
echo "first, longer" > a
echo second > b.new
mv b.new b
waitfor filled
test $(ls folder | wc -l) = 200
md5sum big
rm folder/f1?
ln -s folder link
touch emptied
cd /
umount /mnt
`;

const READ_ONLY = `
mount -t virtiofs ro /mnt
test "$(cat /mnt/a)" = "first, longer"
ls -R /mnt > /dev/null
if echo no > /mnt/a 2> /dev/null; then exit 1; fi
umount /mnt
`;

testWith({
  name:
    "two machines work in one image at once; e2fsck finds it clean; then it is served read-only",
  needs: [virtualMachine, programs("e2fsck", "debugfs")],
  timeoutMs: 480_000,
  fn: async () => {
    using scratch = new Scratch("vm-image");
    const image = scratch.path("disk.img");
    mustCommand("mkfs", ["-q", image, "64M"]);
    {
      await using daemon = await Daemon.start(scratch.path("socket"), [
        "--image",
        image,
        "--reconnect",
      ]);
      const machine = (name: string, script: string) =>
        runMachine({
          folder: scratch.makeFolder(name),
          shares: { image: daemon.socket },
          script,
        });
      const printed = await Promise.all([machine("one", FIRST), machine("two", SECOND)]);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { code, log } = await daemon.stop();
      assert.equal(code, 0, log);
      mustBeClean(image);
      const dumped = run("sh", ["-c", `debugfs -R 'cat /big' ${image} 2> /dev/null | md5sum`]);
      const sum = dumped.stdout.slice(0, 32);
      for (const text of printed) assert.ok(text.includes(sum));
    }
    const before = run("md5sum", [image]).stdout;
    await using daemon = await Daemon.start(scratch.path("socket"), [
      ...["--image", image, "--readonly"],
    ]);
    await runMachine({
      folder: scratch.makeFolder("machine"),
      shares: { ro: daemon.socket },
      packed: true,
      script: READ_ONLY,
    });
    assert.equal((await daemon.ended()).code, 0);
    assert.equal(run("md5sum", [image]).stdout, before);
  },
});
