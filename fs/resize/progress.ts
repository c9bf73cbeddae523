/** Telling how far a change of size is. @module */

/** Told of the step, and how far it is. */
export type ResizeProgress = (step: string, done: number, total: number) => void;
