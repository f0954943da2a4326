/** Whose doing a change is, and when. */
export interface By {
  readonly who: string;
  readonly atMs: number;
}
