/**
 * UUIDs as text.
 *
 * @module
 */

/** The 16 bytes of a UUID, or undefined when the text is none. */
export function parseUuid(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return undefined;
  const digits = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** 16 bytes as text. */
export function formatUuid(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [0, 8, 12, 16, 20].map((at, i, all) => digits.slice(at, all[i + 1])).join("-");
}

const GREGORIAN_OFFSET = 0x01b21dd213814000n;

/** A time-based UUID (version 1) with a random node number. */
export function timeUuid(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const ticks = BigInt(Date.now()) * 10000n + GREGORIAN_OFFSET;
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Number(ticks & 0xffffffffn));
  view.setUint16(4, Number((ticks >> 32n) & 0xffffn));
  view.setUint16(6, Number((ticks >> 48n) & 0xfffn) | 0x1000);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  bytes[10] = (bytes[10] ?? 0) | 1;
  return bytes;
}
