/** The MQTT broker of a small fleet: a Mosquitto that the hub configures, starts and keeps running. */
export { type Broker, type BrokerFault, type BrokerOptions, explainBroker, reachable, startBroker } from "./broker.ts";
export { aclText, type BrokerFiles, type BrokerWish, configurationText, limits } from "./configuration.ts";
