/** Which paths the nodes of a trace have, as it goes on. @module */

import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import type { TraceLine } from "../shared/trace_file.ts";

const GIVE_NODES: ReadonlySet<string> = new Set([
  ...["LOOKUP", "CREATE", "MKNOD", "MKDIR", "SYMLINK", "LINK"],
]);
/** Deeper than any path that the kernel takes. */
const MAX_DEPTH = 4096;

interface Place {
  readonly parent: number;
  readonly name: string;
}

/** Nodes by number, each by its directory and its name there. */
export class TracePaths {
  readonly #places = new Map<number, Place>();
  /** By `PARENT/NAME`. */
  readonly #nodes = new Map<string, number>();
  readonly #known: ReadonlyMap<number, readonly string[]>;

  /** @param known paths of nodes that no request names. */
  constructor(known: Readonly<Record<string, string>>) {
    this.#known = new Map(
      Object.entries(known).map(([node, path]) =>
        [Number(node), path.split("/").filter((name) => name !== "")] as const
      ),
    );
  }

  /** Takes in what a request tells. To be called for every one, in order. */
  follow(line: TraceLine): void {
    const { operation, node, name, newName, found, other, result } = line;
    if (result < 0 || name === undefined) return;
    if (GIVE_NODES.has(operation) && found !== undefined && found !== 0) {
      this.#put(found, node, name);
    } else if ((operation === "RENAME" || operation === "RENAME2") && newName !== undefined) {
      const moved = this.#nodes.get(`${node}/${name}`);
      if (moved !== undefined) this.#put(moved, other ?? node, newName);
    }
  }

  #put(node: number, parent: number, name: string): void {
    const before = this.#places.get(node);
    if (before !== undefined) this.#nodes.delete(`${before.parent}/${before.name}`);
    this.#places.set(node, { parent, name });
    this.#nodes.set(`${parent}/${name}`, node);
  }

  /** The names from the root on; undefined for a node that nothing is known of. */
  namesOf(node: number): string[] | undefined {
    const names: string[] = [];
    for (let at = node, depth = 0; at !== ROOT_NODE; depth++) {
      const place = this.#places.get(at);
      if (place === undefined) {
        const known = this.#known.get(at);
        return known === undefined ? undefined : [...known, ...names.reverse()];
      }
      if (depth > MAX_DEPTH) return undefined;
      names.push(place.name);
      at = place.parent;
    }
    return names.reverse();
  }

  /** The path from the root on. */
  of(node: number): string | undefined {
    const names = this.namesOf(node);
    return names === undefined ? undefined : `/${names.join("/")}`;
  }
}
