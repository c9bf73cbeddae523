/**
 * Which of the things kept in memory are dropped: a clock. A hand goes round over them; what was used
 * since it last came by gets a second chance. Keeping, using and dropping one costs the same however
 * many there are.
 *
 * @module
 */

/** A thing that a ring keeps. */
export interface Kept {
  /** Set by every use; cleared by the hand. */
  referenced: boolean;
  /** Where the ring has it. For the ring only. */
  ringSlot: number;
}

/** When all that the hand met had to stay, it rests for so many calls: they come after every operation. */
const CALLS_TO_REST = 32;
/** Things looked at in one call; more when far too many are kept. */
const LOOKS_PER_CALL = 16;

/** The things kept, in the order of the hand. */
export class ClockRing<Item extends Kept> {
  readonly #slots: (Item | undefined)[] = [];
  /** Slots that are free: behind the hand, so that what is new has a whole round before it is looked at. */
  readonly #free: number[] = [];
  #hand = 0;
  #rest = 0;

  /** How many things it keeps. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  add(item: Item): void {
    item.referenced = true;
    const slot = this.#free.pop();
    item.ringSlot = slot ?? this.#slots.length;
    if (slot === undefined) this.#slots.push(item);
    else this.#slots[slot] = item;
  }

  remove(item: Item): void {
    const { ringSlot } = item;
    this.#slots[ringSlot] = undefined;
    this.#free.push(ringSlot);
  }

  /**
   * Drops some of the things beyond `limit` that were not used of late; does a little in each call.
   * @param mustStay says of a thing that it cannot be dropped now.
   * @param drop told of each that was dropped.
   */
  trim(limit: number, mustStay: (item: Item) => boolean, drop: (item: Item) => void): void {
    let excess = this.size - limit;
    if (excess <= 0) return;
    if (this.#rest > 0) {
      this.#rest--;
      return;
    }
    const slots = this.#slots;
    let useful = false;
    for (let looks = LOOKS_PER_CALL + (excess >> 3); looks > 0 && excess > 0; looks--) {
      if (this.#hand >= slots.length) this.#hand = 0;
      const item = slots[this.#hand++];
      if (item === undefined) continue;
      if (!item.referenced && mustStay(item)) continue;
      useful = true;
      if (item.referenced) item.referenced = false;
      else {
        this.remove(item);
        drop(item);
        excess--;
      }
    }
    if (!useful) this.#rest = CALLS_TO_REST;
  }
}
