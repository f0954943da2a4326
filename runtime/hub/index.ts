/** The fleet's backend: who belongs to the fleet, the broker that its devices talk over, and the API for devices and operators. */
export { type FleetName, parseFleetName } from "../fleet/terms/index.ts";
export { rotateOrderKey } from "./rotate.ts";
export {
  addHubToken,
  type ExternalBroker,
  explainHub,
  type Hub,
  type HubFault,
  type HubOptions,
  type HubPorts,
  removeHubTokens,
  serveHub,
} from "./serve.ts";
