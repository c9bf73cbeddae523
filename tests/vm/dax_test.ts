/**
 * Files mapped into a real guest (DAX): takes QEMU 11 or later, named by KFS_VM_QEMU.
 *
 * @module
 */

import assert from "node:assert/strict";

import { run } from "../../tools/process.ts";
import { Scratch } from "../harness/scratch.ts";
import { type Need, root, testWith } from "../harness/skip.ts";
import { Daemon } from "./daemon.ts";
import { runMachine } from "./guest.ts";
import { virtualMachine } from "./kernel.ts";

/** The path of a QEMU that maps files of back-ends into guests. */
const QEMU_VARIABLE = "KFS_VM_QEMU";
const FIRST_VERSION = 11;

const qemu = Deno.env.get(QEMU_VARIABLE) ?? "qemu-system-x86_64";

const mappingQemu: Need = () => {
  const version = Number(/version (\d+)/.exec(run(qemu, ["--version"]).stdout)?.[1] ?? 0);
  if (version >= FIRST_VERSION) return undefined;
  return `QEMU ${FIRST_VERSION} is needed for DAX (its path in ${QEMU_VARIABLE}), here is ${version}`;
};

/**
 * The first mount maps everything: QEMU takes only ranges that lie in the file, so that all files here are
 * whole multiples of 2 MiB. The second asks file by file, and small files are there, too.
 */
const SCRIPT = `
mount -t virtiofs -o dax myfs /mnt
grep "dax=always" /proc/mounts
md5sum /mnt/big
printf "through the window" | dd of=/mnt/big bs=1 seek=5000000 conv=notrunc 2> /dev/null
dd if=/mnt/big of=/dev/null bs=64k 2> /dev/null
sync
umount /mnt
set -x
mount -t virtiofs -o dax=inode myfs /mnt
grep "dax=inode" /proc/mounts
cd /mnt
test "$(cat hello)" = "from the host"
printf "and again" | dd of=big bs=1 seek=6000000 conv=notrunc
cat big > copy
cmp big copy
echo small > new
test "$(cat new)" = small
cd /
umount /mnt
`;

testWith({
  name: "a guest reads and writes files of the host through the DAX window",
  needs: [root, virtualMachine, mappingQemu],
  fn: async () => {
    using scratch = new Scratch("vm-dax");
    const share = scratch.makeFolder("share");
    Deno.writeTextFileSync(`${share}/hello`, "from the host\n");
    const big = new Uint8Array(8 << 20);
    for (let at = 0; at < big.length; at += 65536) {
      crypto.getRandomValues(big.subarray(at, at + 65536));
    }
    Deno.writeFileSync(`${share}/big`, big);
    const sum = run("md5sum", [`${share}/big`]).stdout.slice(0, 32);
    await using daemon = await Daemon.start(scratch.path("socket"), [
      ...["--shared-dir", share, "--tag", "myfs", "--dax-window", "64M", "-d"],
    ]);
    const printed = await runMachine({
      folder: scratch.makeFolder("machine"),
      shares: { myfs: daemon.socket },
      script: SCRIPT,
      genericDeviceOf: qemu,
    }).catch(async (error) => {
      throw new Error(`${(await daemon.stop()).log.slice(-4000)}\n${error.message}`);
    });
    const { code, log } = await daemon.ended();
    assert.equal(code, 0, log);
    assert.ok(printed.includes(sum), printed);
    const after = Deno.readFileSync(`${share}/big`);
    const at = (offset: number, length: number) =>
      new TextDecoder().decode(after.subarray(offset, offset + length));
    assert.equal(at(5_000_000, 18), "through the window");
    assert.equal(at(6_000_000, 9), "and again");
    assert.deepEqual(Deno.readFileSync(`${share}/copy`), after);
    const requests = log.split("\n").filter((line) => / (SETUPMAPPING|READ|WRITE) /.test(line));
    const before = requests.slice(0, requests.findIndex((line) => / READ /.test(line)));
    assert.ok(before.length >= big.length / (2 << 20), log);
    assert.equal(before.every((line) => / SETUPMAPPING /.test(line)), true, log);
  },
});
