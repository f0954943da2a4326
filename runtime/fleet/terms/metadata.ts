/** Keys of metadata, as devices keep them (`runtime/metadata`): names of files there. */
const META_KEY = /^[A-Za-z0-9_][A-Za-z0-9._:@+~-]{0,127}$/;

export const isMetaKey = (text: string): boolean => META_KEY.test(text);
