/**
 * Files of all kinds for images whose size is changed.
 *
 * @module
 */

import type { Image } from "../../../mod.ts";
import type { Random } from "../../harness/seed.ts";

/** Fills an image with about `files` files of up to `largestBytes`, from the generator alone. */
export function fill(image: Image, random: Random, files: number, largestBytes: number): void {
  const folders = ["/"];
  for (let i = 0; i < files; i++) {
    const parent = random.pick(folders);
    const path = `${parent === "/" ? "" : parent}/${"n".repeat(random.between(1, 40))}${i}`;
    if (random.chance(12)) {
      image.mkdir(path);
      folders.push(path);
      continue;
    }
    if (random.chance(6)) {
      image.symlink("t".repeat(random.between(1, 200)), path);
      continue;
    }
    writeFile(image, random, path, largestBytes);
    if (random.chance(8)) image.link(path, `${path}-hard`);
    if (random.chance(15)) {
      image.setXattr(path, "user.note", random.fill(new Uint8Array(random.between(1, 600))));
    }
  }
}

/** In one piece, or with holes and unwritten blocks. */
function writeFile(image: Image, random: Random, path: string, largestBytes: number): void {
  const bytes = random.fill(new Uint8Array(random.between(0, largestBytes)));
  image.writeFile(path, bytes);
  if (!random.chance(15)) return;
  using file = image.open(path, { write: true });
  for (let i = 0; i < random.between(2, 30); i++) {
    file.writeAt(bytes.subarray(0, 700), random.below(60) * 5000);
  }
}
