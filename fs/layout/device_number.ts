/**
 * Device numbers of character and block devices, in the first two words of i_block.
 *
 * i_block[0] holds the old form if both numbers are below 256: minor in bits 0 to 7, major in bits 8 to 15. Otherwise
 * it is 0 and i_block[1] holds the new form: minor bits 0 to 7 in bits 0 to 7, major in bits 8 to 19, minor bits 8 to 19
 * in bits 20 to 31. The new form is also what Linux and FUSE call rdev, and what the functions here take and give.
 *
 * Kernel documentation: Documentation/filesystems/ext4/inodes.rst, "i_block"; include/linux/kdev_t.h names the forms.
 *
 * @module
 */

/** rdev from major (0 to 4095) and minor (0 to 1048575) number. */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

export function deviceMajor(rdev: number): number {
  return (rdev >>> 8) & 0xfff;
}

export function deviceMinor(rdev: number): number {
  return (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
}

/** Reads rdev from the i_block at byte offset `iBlock`. */
export function readDevice(view: DataView, iBlock: number): number {
  const old = view.getUint32(iBlock, true);
  return old !== 0 ? old & 0xffff : view.getUint32(iBlock + 4, true);
}

/** Writes rdev into the i_block at byte offset `iBlock`, in the old form if it fits. */
export function writeDevice(view: DataView, iBlock: number, rdev: number): void {
  // With major and minor below 256 both forms have the same bits.
  const fitsOld = rdev <= 0xffff;
  view.setUint32(iBlock, fitsOld ? rdev : 0, true);
  view.setUint32(iBlock + 4, fitsOld ? 0 : rdev, true);
}
