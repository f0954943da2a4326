import { quoted } from "../../quoted.ts";
import type { MetaFault } from "./metadata.ts";

export function explainMeta(fault: MetaFault): string {
  switch (fault.kind) {
    case "key":
      return `${quoted(fault.key)} is no key: wanted 1 to 128 of A-Z a-z 0-9 . _ : @ + ~ -, beginning with a letter, a digit or _`;
    case "value":
      return `the value of ${fault.key} has more than 4096 bytes of UTF-8`;
    case "tooMuch":
      return "a device has at most 128 keys of user-meta from here, and 64 KiB of them together: remove some";
  }
}
