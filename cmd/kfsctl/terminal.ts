/** What a terminal is given besides text: colours, and a screen that is drawn anew. @module */

const SGR = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

export type Style = keyof typeof SGR;

/** Gives text a style, or leaves it alone. */
export type Paint = (text: string, style: Style) => string;

/** Styles for standard output: none unless it is a terminal, or where NO_COLOR is set. */
export function paintFor(isTerminal = Deno.stdout.isTerminal()): Paint {
  const plain = !isTerminal || (Deno.env.get("NO_COLOR") ?? "") !== "";
  return (text, style) => plain ? text : `\x1b[${SGR[style]}m${text}\x1b[0m`;
}

/** Leaves standard output from the top of the screen on with this text alone, without flicker. */
export function redraw(text: string): void {
  const lines = text.split("\n").map((line) => `${line}\x1b[K`).join("\r\n");
  write(`\x1b[H${lines}\x1b[J`);
}

/** Writes to standard output as it is. */
export function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
