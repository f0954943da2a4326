import { group } from "../command.ts";
import { hubOutline } from "./outline.ts";
import { patchCommand } from "./patch.ts";
import { rotateOrderKeyCommand } from "./rotate-order-key.ts";
import { serveCommand } from "./serve.ts";
import { tokenCommand } from "./token.ts";

export const hub = group(hubOutline.name, {
  ...hubOutline,
  members: [serveCommand, tokenCommand, rotateOrderKeyCommand, patchCommand],
});
