/** The MQTT broker: a Mosquitto that the hub configures, starts and keeps running, or one that somebody else runs. */
export {
  type Broker,
  type BrokerFault,
  type BrokerOptions,
  explainBroker,
  reachable,
  startBroker,
  useBroker,
} from "./broker.ts";
export { aclText, type BrokerFiles, type BrokerWish, configurationText, limits, tlsText } from "./configuration.ts";
