/** The epoch of a hub's first order key; each that follows has the next number. */
export const FIRST_EPOCH = 1;
