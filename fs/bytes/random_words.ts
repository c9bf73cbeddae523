/** Random 32-bit numbers, many at a time. @module */

const WORDS = 256;

/** A source of random 32-bit numbers. Asking the system for each one alone would cost more than making an inode. */
export function randomWords(): () => number {
  const words = new Uint32Array(WORDS);
  let next = WORDS;
  return () => {
    if (next === WORDS) {
      crypto.getRandomValues(words);
      next = 0;
    }
    return words[next++] as number;
  };
}
