import { group } from "../command.ts";
import { keyNew } from "./key-new.ts";
import { keyShow } from "./key-show.ts";

export const key = group("key", {
  summary: "Keys that sign states, and their certificates",
  example: "cairn key new signer.pem",
  members: [keyNew, keyShow],
});
