/** Paths as bytes: names need not be UTF-8. @module */

const SLASH = 0x2f;

/** `folder` and `name` with one slash between them. */
export function joined(folder: Uint8Array, name: Uint8Array): Uint8Array {
  const slash = folder.at(-1) === SLASH ? 0 : 1;
  const path = new Uint8Array(folder.length + slash + name.length).fill(SLASH);
  path.set(folder);
  path.set(name, folder.length + slash);
  return path;
}
