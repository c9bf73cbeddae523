/** UUIDs as text. @module */

/** A UUID in the usual form of 36 characters. @param uuid 16 bytes */
export function uuidText(uuid: Uint8Array): string {
  const hex = [...uuid].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const ends = [8, 12, 16, 20, 32];
  return ends.map((end, index) => hex.slice(index === 0 ? 0 : ends[index - 1], end)).join("-");
}
