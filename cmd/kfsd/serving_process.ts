/** The process that serves: see `handover.ts`. @module */

import { errorLine } from "../shared/command_error.ts";
import { startWhenLoaded } from "../shared/start.ts";
import { takeHandover } from "./handover.ts";
import { serve } from "./serve.ts";

startWhenLoaded(() => {
  try {
    Deno.exit(serve(takeHandover()));
  } catch (error) {
    console.error(`kfsd: ${errorLine(error) ?? (error instanceof Error ? error.message : error)}`);
    Deno.exit(1);
  }
});
