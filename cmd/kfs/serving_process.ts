/**
 * The process that serves a mount: see `background.ts`. Its one thread does everything.
 *
 * @module
 */

import { startWhenLoaded } from "../shared/start.ts";
import { takeHandover } from "./handover.ts";
import { serve } from "./serve.ts";

startWhenLoaded(() => {
  try {
    Deno.exit(serve(takeHandover()));
  } catch (error) {
    console.error(`kfs: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
});
