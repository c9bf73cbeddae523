/** What a terminal is given besides text, and what comes from it: styles, a screen, keys. @module */

const SGR = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

export type Style = keyof typeof SGR;

/** Gives text a style, or leaves it alone. */
export type Paint = (text: string, style: Style) => string;

/** Characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Styles for standard output: none unless it is a terminal, or where NO_COLOR is set. */
export function paintFor(isTerminal = Deno.stdout.isTerminal()): Paint {
  const plain = !isTerminal || (Deno.env.get("NO_COLOR") ?? "") !== "";
  return (text, style) => plain ? text : `\x1b[${SGR[style]}m${text}\x1b[0m`;
}

/** A screen of one's own, which is drawn anew without flicker. What was there before comes back at the end. */
export class Screen implements Disposable {
  constructor() {
    // Lines that are too long end at the edge, instead of going on in the next.
    write("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J");
  }

  get size(): Size {
    try {
      return Deno.consoleSize();
    } catch {
      return { columns: 80, rows: 24 };
    }
  }

  /** Leaves this text alone on the screen: as many lines as fit. */
  draw(text: string): void {
    const lines = text.split("\n").slice(0, this.size.rows).map((line) => `\x1b[2K${line}`);
    write(`\x1b[H${lines.join("\r\n")}\x1b[J`);
  }

  [Symbol.dispose](): void {
    write("\x1b[?7h\x1b[?25h\x1b[?1049l");
  }
}

/** Keys pressed on the terminal, without a line to be ended; Ctrl-C, SIGTERM and SIGHUP count as any key that is asked for. */
export class Keys implements Disposable {
  readonly #raw: boolean;
  readonly #stop = (): void => this.#seen("");
  #ended = false;
  #pressed = "";
  #wake: () => void = () => {};

  /** @param wanted false takes no keys. */
  constructor(wanted: boolean) {
    for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, this.#stop);
    this.#raw = wanted && Deno.stdin.isTerminal();
    if (!this.#raw) return;
    Deno.stdin.setRaw(true, { cbreak: true });
    this.#read();
  }

  /** Waits for one of `keys`. @returns whether one was pressed, or a signal came, within `milliseconds`. */
  async pressed(keys: string, milliseconds: number): Promise<boolean> {
    const end = performance.now() + milliseconds;
    for (;;) {
      if (this.#ended || [...this.#pressed].some((key) => keys.includes(key))) return true;
      this.#pressed = "";
      const left = end - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  [Symbol.dispose](): void {
    for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, this.#stop);
    if (this.#raw) Deno.stdin.setRaw(false);
  }

  async #read(): Promise<void> {
    const bytes = new Uint8Array(64);
    for (;;) {
      const count = await Deno.stdin.read(bytes).catch(() => null);
      if (count === null) return;
      this.#seen(new TextDecoder().decode(bytes.subarray(0, count)));
    }
  }

  #seen(keys: string): void {
    if (keys === "") this.#ended = true;
    this.#pressed += keys;
    this.#wake();
  }
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Writes to standard output as it is. */
export function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
