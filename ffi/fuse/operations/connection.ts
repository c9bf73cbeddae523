/**
 * Operations on the connection: its beginning, its end, interruptions.
 *
 * @module
 */

import { OPCODE, SIZE } from "../abi.ts";
import { type Exchange, NO_REPLY } from "../exchange.ts";
import { negotiate } from "../init.ts";
import type { OperationGroup } from "./operation.ts";

/** `struct fuse_init_in` as far as protocol 7.31 has it. */
const OLDEST_INIT_IN_BYTES = 16;

/** A second INIT (a guest that started anew) ends the session before it. */
function init(exchange: Exchange): number {
  end(exchange);
  const { result, agreement } = negotiate(exchange.request, exchange.reply, exchange.settings);
  if (agreement !== undefined) {
    exchange.agreement = agreement;
    exchange.fileSystem.init(agreement, exchange.server);
  }
  return result;
}

function destroy(exchange: Exchange): number {
  end(exchange);
  return 0;
}

/** Tells the file system, once, that the session is over. */
export function end(exchange: Exchange): void {
  if (exchange.agreement === undefined) return;
  exchange.settings.beforeEnd?.();
  exchange.agreement = undefined;
  exchange.fileSystem.destroy();
}

/**
 * Requests are answered one after the other, so the one to be interrupted is answered already or
 * waits for storage and will be. The kernel expects no answer in either case.
 */
function interrupt(): number {
  return NO_REPLY;
}

/** The answer to a RETRIEVE notice, of which none are sent. */
function notifyReply(): number {
  return NO_REPLY;
}

export const CONNECTION_OPERATIONS: OperationGroup = {
  [OPCODE.INIT]: { argumentBytes: OLDEST_INIT_IN_BYTES, run: init },
  [OPCODE.DESTROY]: { argumentBytes: 0, run: destroy },
  [OPCODE.INTERRUPT]: { argumentBytes: SIZE.INTERRUPT_IN, run: interrupt },
  [OPCODE.NOTIFY_REPLY]: { argumentBytes: 0, run: notifyReply },
};
