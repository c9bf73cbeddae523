/**
 * Waiting for a file-system daemon to let go of its image. After `umount` returns, a FUSE daemon still
 * writes what it holds; only when nobody has the image open may others look at it.
 *
 * @module
 */

/** Processes of which we can see that they have `path` open. */
function holders(path: string): readonly number[] {
  const wanted = Deno.realPathSync(path);
  const found: number[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    if (holds(pid, wanted)) found.push(pid);
  }
  return found;
}

function holds(pid: number, wanted: string): boolean {
  try {
    for (const descriptor of Deno.readDirSync(`/proc/${pid}/fd`)) {
      if (pathOf(`/proc/${pid}/fd/${descriptor.name}`) === wanted) return true;
    }
  } catch {
    return false;
  }
  return false;
}

/** What a descriptor is of; a process may close one while its others are looked at. */
function pathOf(descriptor: string): string | undefined {
  try {
    return Deno.readLinkSync(descriptor);
  } catch {
    return undefined;
  }
}

/** Sleeps without giving the event loop a turn. */
export function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Returns when no other process has `image` open; throws after `limitMs`. */
export function awaitReleased(image: string, limitMs = 60_000): void {
  const end = performance.now() + limitMs;
  for (let pause = 2;; pause = Math.min(pause * 2, 100)) {
    const pids = holders(image);
    if (pids.length === 0) return;
    if (performance.now() > end) {
      throw new Error(`${image} is still open in process ${pids.join(", ")} after ${limitMs} ms`);
    }
    sleepSync(pause);
  }
}

/** The process that has `image` open, when there is exactly one. */
export function holderOf(image: string): number | undefined {
  const pids = holders(image);
  return pids.length === 1 ? pids[0] : undefined;
}
