/**
 * What carries requests and replies: /dev/fuse, or virtqueues.
 *
 * @module
 */

/**
 * The part of a transport that the server calls by itself. Replies to requests in hand go another way:
 * the transport asks the server to handle a request and sends what that returns.
 */
export interface Transport {
  /**
   * Sends the answer to a deferred request.
   * @param ticket the number that `FuseServer.ticket` had when the request was deferred.
   * @param pieces the whole reply, its header first; valid until the method returns.
   */
  sendDeferred(ticket: number, pieces: readonly Uint8Array[]): void;
  /**
   * Sends a notice (a message with the number 0). May do nothing where the other side takes none.
   * @param mayWait the kernel may wait for the answer to a request before it takes the notice.
   */
  sendNotice(pieces: readonly Uint8Array[], mayWait: boolean): void;
}
