interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** When a device's certificate should be followed by another one: when a third of its time is left. Milliseconds since 1970. */
export const renewalDueMs = ({ notBeforeMs, notAfterMs }: Validity): number =>
  notAfterMs - Math.floor((notAfterMs - notBeforeMs) / 3);
