/** `cairn link`: the process of a device that talks to its hub, so that process 1 never reads a byte of the network. */
export { type AgentPorts, runAgent } from "./agent.ts";
