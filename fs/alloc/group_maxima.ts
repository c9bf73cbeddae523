/**
 * Finds the next group that may have enough of something: for each group an upper bound, and over them a tree of
 * maxima, so that full groups are passed over in logarithmic time.
 *
 * @module
 */

/** Upper bounds by group, e.g. of the longest free run in clusters. Takes its memory when it is first asked. */
export class GroupMaxima {
  /** A binary heap-shaped tree: node 1 is the root, the leaves are the groups. */
  #tree = new Uint32Array(0);
  #leaves = 0;

  /** @param bounds gives the first upper bounds, one for each group: as they are at the first question. */
  constructor(readonly bounds: () => Uint32Array) {}

  #grown(): Uint32Array {
    return this.#leaves === 0 ? this.#grow(this.bounds()) : this.#tree;
  }

  #grow(bounds: Uint32Array): Uint32Array {
    let leaves = 1;
    while (leaves < bounds.length) leaves *= 2;
    const tree = new Uint32Array(2 * leaves);
    tree.set(bounds, leaves);
    for (let node = leaves - 1; node > 0; node--) {
      tree[node] = Math.max(tree[2 * node] as number, tree[2 * node + 1] as number);
    }
    this.#leaves = leaves;
    this.#tree = tree;
    return tree;
  }

  /** The largest bound of all groups. */
  get largest(): number {
    return this.#grown()[1] as number;
  }

  bound(group: number): number {
    return this.#grown()[this.#leaves + group] as number;
  }

  setBound(group: number, value: number): void {
    const tree = this.#grown();
    let node = this.#leaves + group;
    if (tree[node] === value) return;
    tree[node] = value;
    for (node >>>= 1; node > 0; node >>>= 1) {
      if (!this.#pull(node)) return;
    }
  }

  /** The first group at or after `from` whose bound is at least `least` (≥ 1), or -1. */
  next(from: number, least: number): number {
    const tree = this.#grown();
    let node = this.#leaves + from;
    if (node >= tree.length) return -1;
    while ((tree[node] as number) < least) {
      // Up while this is a right child (or the root), then to the neighbour on the right.
      while ((node & 1) === 1) {
        node >>>= 1;
        if (node <= 1) return -1;
      }
      node++;
    }
    while (node < this.#leaves) {
      node *= 2;
      if ((tree[node] as number) < least) node++;
    }
    return node - this.#leaves;
  }

  /** Recomputes a node from its children. @returns whether it changed. */
  #pull(node: number): boolean {
    const tree = this.#tree;
    const value = Math.max(tree[2 * node] as number, tree[2 * node + 1] as number);
    if (tree[node] === value) return false;
    tree[node] = value;
    return true;
  }
}
