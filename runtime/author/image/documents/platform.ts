/** What an image runs on, as OCI image-spec "image-index.md" names it: `linux/arm/v7`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Null: any. */
  readonly variant: string | null;
}

/** `os/architecture[/variant]`; null: it is not that. */
export function parsePlatform(text: string): Platform | null {
  const [, os, architecture, variant] =
    /^([a-z0-9]{1,32})\/([a-z0-9_]{1,32})(?:\/([a-z0-9.]{1,32}))?$/.exec(text) ?? [];
  return os === undefined || architecture === undefined ? null : { os, architecture, variant: variant ?? null };
}

export const platformText = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant === null ? [] : [variant])].join("/");

/** arm64 has had one variant for long, and tools name it or not (containerd, platforms, "normalization"). */
const variantOf = ({ architecture, variant }: Platform): string | null =>
  architecture === "arm64" && variant === "v8" ? null : variant;

/**
 * The first of what is offered that fits the first wish that anything fits (reference authoring 2.3, step 1). A wish without a variant
 * takes any. Without a wish only a single offer is taken: an image for another machine would start nowhere. Null: nothing fits.
 */
export function choosePlatform<T extends { readonly platform: Platform | null }>(
  wishes: readonly Platform[],
  offers: readonly T[],
): T | null {
  if (wishes.length === 0) return offers.length === 1 ? (offers[0] ?? null) : null;
  for (const wish of wishes) {
    const fitting = offers.find(({ platform }) => platform !== null && fits(wish, platform));
    if (fitting !== undefined) return fitting;
  }
  return null;
}

const fits = (wish: Platform, offer: Platform): boolean =>
  wish.os === offer.os &&
  wish.architecture === offer.architecture &&
  (variantOf(wish) === null || variantOf(wish) === variantOf(offer));
