/**
 * The process that serves a mount: see `background.ts`. Its one thread does everything.
 *
 * @module
 */

import { startWhenLoaded } from "../shared/start.ts";
import { takeHandover } from "./handover.ts";
import { serve } from "./serve.ts";

startWhenLoaded(async () => {
  try {
    const handover = takeHandover();
    // Loaded for such mounts only: it would take a part of every mount's start.
    const guests = handover.options.vhostUser === "" ? undefined : await import("./guests.ts");
    Deno.exit(serve(handover, guests?.Guests));
  } catch (error) {
    console.error(`kfs: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
});
