/** What is wrong with a tar archive. @module */

/** The archive cannot be read, or must not be. One line. */
export class TarError extends Error {
  override readonly name = "TarError";

  /**
   * @param offsetBytes where in the (uncompressed) archive the member begins that is at fault.
   */
  constructor(message: string, readonly offsetBytes: number) {
    super(`${message} (at byte ${offsetBytes} of the archive)`);
  }
}
