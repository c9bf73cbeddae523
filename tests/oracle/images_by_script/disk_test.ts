import assert from "node:assert/strict";
import { must } from "../../harness/commands.ts";
import { main as mkfs } from "../../../cmd/mkfs.ts";
import { recordSkip, testWith } from "../../harness/skip.ts";
import { loop, program, refused, root, sha256, withFolder } from "./kit.ts";

const needs = ["sgdisk", "sfdisk", "e2fsck"].map(program);

async function disk(folder: string, ...args: string[]): Promise<string> {
  Deno.mkdirSync(`${folder}/tree`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/tree/file`, "content\n");
  const image = `${folder}/disk`;
  assert.equal(await mkfs(["-q", "--gpt", "--from", `${folder}/tree`, ...args]), 0);
  const verified = must("sgdisk", ["-v", image]);
  assert.match(verified, /No problems found/);
  assert.match(must("sfdisk", ["--verify", image]), /No errors detected/);
  assert.match(must("sfdisk", ["-J", image]), /0FC63DAF-8483-4772-8E79-3D69D8477DE4/);
  must("e2fsck", ["-fn", `${image}?offset=1048576`]);
  return image;
}

testWith({
  name: "a disk with a partition table, of any size",
  needs,
  fn: () =>
    withFolder(async (folder) => {
      const image = `${folder}/disk`;
      for (const size of ["64M", "10000K", "5M"]) {
        await disk(folder, "-L", "system", image, size);
        Deno.removeSync(image);
      }
      await disk(folder, "--verify", image);
      Deno.removeSync(image);
      await disk(folder, "--minimize", "--reproducible", image);
      const first = sha256(image);
      Deno.removeSync(image);
      await disk(folder, "--minimize", "--reproducible", image);
      assert.equal(sha256(image), first);
      // What is there is not overwritten unasked.
      await assert.rejects(mkfs(["-q", "--gpt", image]), /holds data/);
      Deno.removeSync(image);
      assert.match(await refused(image, "--gpt", image, "1M"), /no room for a partition table/);
      assert.match(await refused(image, "--gpt", "--offset", "1M", image, "9M"), /--offset/);
    }),
});

testWith({
  name: "a file system somewhere in a file leaves the rest alone",
  needs: [program("e2fsck")],
  fn: () =>
    withFolder(async (folder) => {
      const image = `${folder}/disk`;
      Deno.writeFileSync(image, new Uint8Array(1 << 20).fill(0x5a));
      Deno.mkdirSync(`${folder}/tree`);
      const args = ["-q", "--offset", "1M", "--from", `${folder}/tree`, image, "8M"];
      assert.equal(await mkfs(args), 0);
      must("e2fsck", ["-fn", `${image}?offset=1048576`]);
      assert.ok(Deno.readFileSync(image).subarray(0, 1 << 20).every((byte) => byte === 0x5a));
      assert.equal(Deno.statSync(image).size, 9 << 20);
    }),
});

/** Major and minor number of a loop device's first partition. */
function numberOf(device: string): readonly string[] | undefined {
  const name = device.slice("/dev/".length);
  try {
    return Deno.readTextFileSync(`/sys/block/${name}/${name}p1/dev`).trim().split(":");
  } catch {
    return undefined;
  }
}

/** Kernels for containers are often built without partition tables. */
function kernelKnowsTables(): boolean {
  const script = "zcat /proc/config.gz 2>/dev/null; cat /boot/config-$(uname -r) 2>/dev/null; true";
  return must("sh", ["-c", script]).includes("CONFIG_EFI_PARTITION=y");
}

const KERNEL_TEST = "the kernel finds and mounts the partition";
testWith({
  name: KERNEL_TEST,
  needs: [root, loop, ...needs, program("losetup"), program("mount")],
  fn: () =>
    withFolder(async (folder) => {
      const image = await disk(folder, `${folder}/disk`, "64M");
      const device = must("losetup", ["-fP", "--show", image]).trim();
      try {
        const number = numberOf(device);
        if (number === undefined && !kernelKnowsTables()) {
          recordSkip(KERNEL_TEST, "this kernel looks for no GUID partition tables");
          return;
        }
        const [major = "", minor = ""] = number ?? [];
        // Where there is no udev nobody makes the partition's node.
        const node = `${folder}/partition`;
        must("mknod", [node, "b", major, minor]);
        Deno.mkdirSync(`${folder}/mnt`);
        must("mount", ["-o", "ro", node, `${folder}/mnt`]);
        try {
          assert.equal(Deno.readTextFileSync(`${folder}/mnt/file`), "content\n");
        } finally {
          must("umount", [`${folder}/mnt`]);
        }
      } finally {
        must("losetup", ["-d", device]);
      }
    }),
});
