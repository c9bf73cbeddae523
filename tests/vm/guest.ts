/**
 * A virtual machine of a few seconds: boots into a script, and is gone when that ends.
 *
 * @module
 */

import { findProgram, run } from "../../tools/process.ts";
import { kernel } from "./kernel.ts";

/** In the order in which they are loaded. */
const MODULES = [
  "drivers/virtio/virtio_ring",
  "drivers/virtio/virtio",
  "drivers/virtio/virtio_pci_legacy_dev",
  "drivers/virtio/virtio_pci_modern_dev",
  "drivers/virtio/virtio_pci",
  "fs/fuse/fuse",
  "fs/fuse/virtiofs",
];

/** For an ext4 image as a disk. */
const DISK_MODULES = [
  "drivers/block/virtio_blk",
  "lib/crc16",
  "crypto/crc32c_generic",
  "fs/mbcache",
  "fs/jbd2/jbd2",
  "fs/ext4/ext4",
];

/** Prints that the script came to its end. */
const DONE = "GUEST-DONE";
const BOOT_LIMIT_SECONDS = 220;

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module || echo "insmod $module failed"; done
mkdir -p /mnt
sh -e /script && echo ${DONE}
poweroff -f
`;

/** Goes on in the disk's root file system, which its own first program takes over. */
const SWITCH_ROOT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module || echo "insmod $module failed"; done
mkdir -p /mnt
mount -t ext4 /dev/vda /mnt
exec switch_root /mnt /sbin/init -c "echo ${DONE}; poweroff -f"
`;

/** How a machine is started. */
export interface Machine {
  /** Folder for its files. */
  readonly folder: string;
  /** Sockets of vhost-user back-ends, by tag. */
  readonly shares: Readonly<Record<string, string>>;
  /** A QEMU whose generic device asks the back-end for tag and window; by default the one that is installed. */
  readonly genericDeviceOf?: string;
  /** Offers the guest packed virtqueues. */
  readonly packed?: boolean;
  /** Run by a shell that ends at the first failure. */
  readonly script: string;
  /** An image whose /sbin/init, a shell, is booted in place of the script. */
  readonly disk?: string;
}

/** Makes the initial root file system. @returns its path */
function makeRoot({ folder, script, disk }: Machine): string {
  const root = `${folder}/root`;
  for (const name of ["bin", "proc", "sys", "dev", "tmp", "modules"]) {
    Deno.mkdirSync(`${root}/${name}`, { recursive: true });
  }
  Deno.copyFileSync(findProgram("busybox") ?? "busybox", `${root}/bin/busybox`);
  Deno.writeTextFileSync(`${root}/init`, disk === undefined ? INIT : SWITCH_ROOT, { mode: 0o755 });
  Deno.writeTextFileSync(`${root}/script`, script);
  const modules = disk === undefined ? MODULES : [...MODULES, ...DISK_MODULES];
  modules.forEach((module, index) => {
    copyModule(module, `${root}/modules/${String(index).padStart(2, "0")}.ko`);
  });
  const packed = run("sh", ["-c", "find . | busybox cpio -o -H newc | gzip -1 > ../initrd"], {
    cwd: root,
  });
  if (packed.code !== 0) throw new Error(`the initial root was not packed: ${packed.stderr}`);
  return `${folder}/initrd`;
}

function copyModule(module: string, target: string): void {
  const source = `${kernel().modules}/kernel/${module}.ko`;
  try {
    Deno.copyFileSync(source, target);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const unpacked = run("sh", ["-c", `xz -dc '${source}.xz' > '${target}'`]);
    if (unpacked.code !== 0) throw new Error(`${source}: ${unpacked.stderr}`);
  }
}

/** Number of virtio-fs, two queues, the configuration space as Linux reads it. */
const GENERIC = "vhost-user-test-device-pci,virtio-id=26,num_vqs=2,config_size=44,vq_size=1024";

function shareWords({ shares, genericDeviceOf, packed }: Machine): string[] {
  return Object.entries(shares).flatMap(([tag, socket]) => [
    "-chardev",
    `socket,id=${tag},path=${socket}`,
    "-device",
    genericDeviceOf === undefined
      ? `vhost-user-fs-pci,queue-size=1024,packed=${
        packed ? "on" : "off"
      },chardev=${tag},tag=${tag}`
      : `${GENERIC},chardev=${tag}`,
  ]);
}

/** Boots, runs the script. @returns what the machine printed; throws unless the script succeeded */
export async function runMachine(settings: Machine): Promise<string> {
  const { folder, disk } = settings;
  const initrd = makeRoot(settings);
  const machine = new Deno.Command("timeout", {
    args: [
      String(BOOT_LIMIT_SECONDS),
      settings.genericDeviceOf ?? "qemu-system-x86_64",
      ..."-accel tcg -cpu max -m 256 -nodefaults -no-reboot -display none -serial stdio".split(" "),
      ..."-object memory-backend-memfd,id=mem,size=256M,share=on -numa node,memdev=mem".split(" "),
      ...["-kernel", kernel().image, "-initrd", initrd],
      ...["-append", "console=ttyS0 quiet no_timer_check panic=-1"],
      ...shareWords(settings),
      ...(disk === undefined ? [] : ["-drive", `file=${disk},format=raw,if=virtio`]),
    ],
    stdin: "null",
  });
  const { code, stdout, stderr } = await machine.output();
  const printed = new TextDecoder().decode(stdout);
  Deno.removeSync(`${folder}/root`, { recursive: true });
  Deno.removeSync(initrd);
  if (!printed.includes(DONE)) {
    const words = new TextDecoder().decode(stderr);
    throw new Error(`the guest failed (${code}):\n${printed.slice(-4000)}\n${words}`);
  }
  return printed;
}
