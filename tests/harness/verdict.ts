/**
 * The end of every oracle test: what was seen through the mount under test must be what e2fsck finds
 * sound and what the kernel's own ext4 shows.
 *
 * @module
 */

import { must } from "./commands.ts";
import { mustBeClean } from "./e2fsck.ts";
import { toByteString } from "./libc.ts";
import { kernelExt4, logOf, mount, type Mounted, underTest } from "./mount.ts";
import { mustBeSameTree, takeTree, type Tree, type TreeDetail } from "./tree.ts";

/** The detail in which the two views of one image are compared. fuse2fs numbers its inodes itself. */
function detail(): TreeDetail {
  return { sameImage: underTest() !== "fuse2fs" };
}

/** Throws unless the kernel, mounting `image`, shows exactly `expected`. */
export function kernelMustShow(image: string, expected: Tree, what: string): void {
  if (kernelExt4() !== undefined) return;
  using seen = mount("kernel", image, `${image}.kernel`, { options: ["ro"] });
  const tree = takeTree(toByteString(seen.mountpoint), detail());
  seen.unmount();
  mustBeSameTree(expected, tree, `${what}: the mount under test (left) and the kernel (right)`);
}

/** Writes back (delayed allocation counts no blocks), takes the tree down, unmounts, asks e2fsck and the kernel. Returns the tree. */
export function judge(mounted: Mounted, what: string): Tree {
  must("sync", ["-f", mounted.mountpoint]);
  const tree = takeTree(toByteString(mounted.mountpoint), detail());
  mounted.unmount();
  mustBeClean(mounted.image, what);
  kernelMustShow(mounted.image, tree, what);
  return tree;
}

/** Runs `action`; when it throws, the end of the daemon's log goes with the error. */
export function withLog<Result>(image: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const log = logOf(image).trim();
    if (log === "" || !(error instanceof Error)) throw error;
    const tail = log.split("\n").slice(-15).join("\n");
    error.message += `\nthe end of kfs's log:\n${tail}`;
    throw error;
  }
}
