/**
 * All that an operation works with: the request, the reply, the file system and the reused records.
 *
 * @module
 */

import { DirectoryWriter } from "./directory_writer.ts";
import type { Agreement } from "./init.ts";
import type { ServerSettings } from "./options.ts";
import type {
  Attributes,
  Caller,
  Entry,
  FileSystem,
  Opened,
  Server,
  SetAttributes,
  Statfs,
} from "./port.ts";
import {
  emptyAttributes,
  emptyCaller,
  emptyChange,
  emptyEntry,
  emptyOpened,
  emptyStatfs,
} from "./records.ts";
import { Reply } from "./reply.ts";
import { Request } from "./request.ts";

/** Answered by an operation that gets no reply (FORGET). Never an errno. */
export const NO_REPLY = -0x20000000;

/**
 * One operation at a time. Operations answer the length of the reply's body, a negated errno, `DEFERRED`
 * or `NO_REPLY`.
 */
export class Exchange {
  readonly request: Request;
  readonly reply: Reply;
  readonly caller: Caller = emptyCaller();
  readonly entry: Entry = emptyEntry();
  readonly attributes: Attributes = emptyAttributes();
  readonly opened: Opened = emptyOpened();
  readonly statfs: Statfs = emptyStatfs();
  readonly change: SetAttributes = emptyChange();
  readonly directory: DirectoryWriter;
  /** What was negotiated; undefined before INIT and after DESTROY. */
  agreement: Agreement | undefined;
  /** Where a WRITE's data are when not behind the arguments; set by the transport. */
  sources: readonly Uint8Array[] | undefined;
  /** Where a READ's data go when not into the reply's memory; set by the transport. */
  targets: readonly Uint8Array[] | undefined;

  constructor(
    readonly fileSystem: FileSystem,
    readonly server: Server,
    readonly settings: ServerSettings,
    requestMemory: Uint8Array,
    replyMemory: Uint8Array,
  ) {
    this.request = new Request(requestMemory);
    this.reply = new Reply(replyMemory);
    this.directory = new DirectoryWriter(this.reply);
  }
}
