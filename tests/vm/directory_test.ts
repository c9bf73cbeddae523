/** A directory of the host in a real guest. @module */

import assert from "node:assert/strict";

import { Scratch } from "../harness/scratch.ts";
import { root, testWith } from "../harness/skip.ts";
import { Daemon } from "./daemon.ts";
import { runMachine } from "./guest.ts";
import { virtualMachine } from "./kernel.ts";

const SCRIPT = `
mount -t virtiofs myfs /mnt
cd /mnt
test "$(cat hello)" = "from the host"
echo "from the guest" > reply
mkdir -p a/b/c
i=0; while [ $i -lt 300 ]; do echo $i > a/b/file$i; i=$((i+1)); done
test $(ls a/b | wc -l) = 301
mv a/b/file7 a/renamed
ln a/renamed a/linked
ln -s renamed a/symbolic
test "$(cat a/symbolic)" = 7
ln -s /etc/passwd outward
if cat outward 2> /dev/null; then exit 1; fi
chmod 640 reply
chown 1000:1001 reply
dd if=/dev/urandom of=big bs=1M count=8 2> /dev/null
md5sum big > big.md5
dd if=big of=copy bs=64k 2> /dev/null
echo 3 > /proc/sys/vm/drop_caches
cmp big copy
truncate -s 1000000 copy
test $(stat -c %s copy) = 1000000
mkfifo pipe
mknod null c 1 3
rm -r a/b
rmdir empty
touch -d "2001-02-03 04:05:06" reply
df /mnt > /dev/null
sync
cd /
umount /mnt
mount -t virtiofs myfs /mnt
test "$(cat /mnt/reply)" = "from the guest"
umount /mnt
`;

function text(path: string): string {
  return Deno.readTextFileSync(path).trim();
}

testWith({
  name: "a guest mounts a directory of the host, works in it, and the host sees it all",
  needs: [root, virtualMachine],
  fn: async () => {
    using scratch = new Scratch("vm");
    const share = scratch.makeFolder("share");
    Deno.writeTextFileSync(`${share}/hello`, "from the host\n");
    Deno.mkdirSync(`${share}/empty`);
    await using daemon = await Daemon.start(scratch.path("socket"), ["--shared-dir", share]);
    await runMachine({
      folder: scratch.makeFolder("machine"),
      shares: { myfs: daemon.socket },
      script: SCRIPT,
    });
    const { code, log } = await daemon.ended();
    assert.equal(code, 0, log);
    assert.ok(log.includes("the front-end has left"), log);
    assert.equal(text(`${share}/reply`), "from the guest");
    const reply = Deno.statSync(`${share}/reply`);
    assert.deepEqual([reply.uid, reply.gid, (reply.mode ?? 0) & 0o7777], [1000, 1001, 0o640]);
    assert.equal(reply.mtime?.toISOString(), "2001-02-03T04:05:06.000Z");
    assert.equal(text(`${share}/a/linked`), "7");
    assert.equal(Deno.statSync(`${share}/a/linked`).nlink, 2);
    assert.equal(Deno.readLinkSync(`${share}/a/symbolic`), "renamed");
    assert.equal(Deno.statSync(`${share}/copy`).size, 1_000_000);
    assert.deepEqual([...Deno.readDirSync(`${share}/a`)].map(({ name }) => name).sort(), [
      "linked",
      "renamed",
      "symbolic",
    ]);
    assert.ok(Deno.lstatSync(`${share}/pipe`).isFifo);
    assert.ok(Deno.lstatSync(`${share}/null`).isCharDevice);
    const sum = new Deno.Command("md5sum", { args: ["-c", "big.md5"], cwd: share }).outputSync();
    assert.equal(sum.code, 0);
    assert.equal(
      [...Deno.readDirSync(scratch.folder)].some(({ name }) => name === "socket"),
      false,
    );
  },
});
