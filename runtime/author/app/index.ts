/**
 * Containers from images (reference authoring 2): a `src.json` that says where one comes from, its root packed into one file, and what
 * the template makes of both. Images and hash trees come through ports.
 */
export {
  type AddRequest,
  addApp,
  installApp,
  type Login,
  type Origin,
  type UpdateRequest,
  updateApp,
} from "./commands.ts";
export type { AppChange, AppPorts } from "./compose.ts";
export { readConfigFile } from "./device.ts";
export { type AppError, explainApp } from "./error.ts";
export { type App, listApps, openApp, originText, removeApp, rootFileOf } from "./list.ts";
export type { Format, Image, ImagePlace, ImageRequest, Images, Packed, Parts, Verity } from "./ports.ts";
export { type ImageName, imageReference, isOnThisMachine, parseImageName } from "./reference.ts";
export { type Wishes, withArguments, withWishes } from "./requests.ts";
