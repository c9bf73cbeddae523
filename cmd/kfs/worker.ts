/// <reference lib="deno.worker" />
/**
 * The serving thread: opens the image, mounts, answers requests until the end, closes the image.
 *
 * @module
 */

import type { ToWorker } from "./worker_messages.ts";
import { serveImage } from "./serve_image.ts";

self.onmessage = (event: MessageEvent<ToWorker>) => {
  serveImage(event.data.options, (message) => self.postMessage(message));
};
