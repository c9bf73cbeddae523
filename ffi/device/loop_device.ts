/**
 * Loop devices: an image file as a block device of the host.
 *
 * A file system that is mounted on a block device (`MountOptions.blockDevice`) is ended before
 * umount(2) returns, and sync(1) reaches it; one that is mounted on nothing is only told afterwards.
 * The loop device carries no data here: it gives the kernel a device to hold.
 *
 * @module
 */

import { O_RDONLY, O_RDWR } from "../libc/constants.ts";
import { ERRNO } from "../libc/errno.ts";
import { SystemError } from "../libc/error.ts";
import { close, open } from "../libc/file.ts";
import { checked, errno, libc } from "../libc/library.ts";

const CONTROL = "/dev/loop-control";
/** linux/loop.h. */
const LOOP_CONFIGURE = 0x4c0an;
const LOOP_CTL_GET_FREE = 0x4c82n;
const LO_FLAGS_READ_ONLY = 1;
const LO_FLAGS_AUTOCLEAR = 4;
/** `struct loop_config`: fd 0, block_size 4, info 8 (`struct loop_info64`, its lo_flags at 52), 304 bytes. */
const LOOP_CONFIG_BYTES = 304;
const FLAGS_AT = 8 + 52;
const FILE_NAME_AT = 8 + 56;
const FILE_NAME_BYTES = 63;
/** Another process may take the free device first. */
const ATTEMPTS = 16;

/** An attached loop device. It is gone when it is closed here and by whoever mounted it. */
export class LoopDevice {
  #closed = false;

  constructor(
    /** For example `/dev/loop0`. */
    readonly path: string,
    readonly descriptor: number,
  ) {}

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.descriptor);
  }
}

/**
 * Attaches a free loop device to an open file. Needs root.
 * @param name shown by losetup(8) as the file.
 * @throws SystemError where there are no loop devices.
 */
export function attachLoop(image: number, name: string, readOnly: boolean): LoopDevice {
  const config = loopConfig(image, name, readOnly);
  const control = open(CONTROL, O_RDWR);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const number = checked(libc().ioctl(control, LOOP_CTL_GET_FREE, null), "ioctl", CONTROL);
      const device = tryAttach(`/dev/loop${number}`, config, readOnly);
      if (device !== undefined) return device;
    }
    throw new SystemError(ERRNO.EBUSY, "ioctl LOOP_CONFIGURE", CONTROL);
  } finally {
    close(control);
  }
}

/** Undefined when somebody else was faster. */
function tryAttach(path: string, config: Uint8Array, readOnly: boolean): LoopDevice | undefined {
  const descriptor = open(path, readOnly ? O_RDONLY : O_RDWR);
  const buffer = config as Uint8Array<ArrayBuffer>;
  if (libc().ioctl(descriptor, LOOP_CONFIGURE, buffer) === 0) {
    return new LoopDevice(path, descriptor);
  }
  const number = errno();
  close(descriptor);
  if (number === ERRNO.EBUSY) return undefined;
  throw new SystemError(number, "ioctl LOOP_CONFIGURE", path);
}

function loopConfig(image: number, name: string, readOnly: boolean): Uint8Array {
  const config = new Uint8Array(LOOP_CONFIG_BYTES);
  const view = new DataView(config.buffer);
  view.setUint32(0, image, true);
  view.setUint32(FLAGS_AT, LO_FLAGS_AUTOCLEAR | (readOnly ? LO_FLAGS_READ_ONLY : 0), true);
  config.set(new TextEncoder().encode(name).subarray(0, FILE_NAME_BYTES), FILE_NAME_AT);
  return config;
}
