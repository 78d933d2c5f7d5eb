/** Milliseconds of a day. */
export const dayMs: number = 86_400_000;
