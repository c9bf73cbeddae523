/**
 * The process that serves a mount: see `background.ts`. Its one thread does everything.
 *
 * @module
 */

import { takeHandover } from "./handover.ts";
import { serve } from "./serve.ts";

try {
  Deno.exit(serve(takeHandover()));
} catch (error) {
  console.error(`kfs: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
