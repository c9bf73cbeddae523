/**
 * What a front-end or a guest did wrong.
 *
 * @module
 */

/** A message that breaks the protocol: its connection is closed. The text names message and field. */
export class ProtocolFault extends Error {
  override readonly name = "ProtocolFault";
}

/** A message that is well-formed but cannot be carried out: answered as failed where an answer is wanted. */
export class RequestRefused extends Error {
  override readonly name = "RequestRefused";
}

/** The text of whatever was thrown. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
