/** The devices of the fleet: who waits, who belongs to it, who was shut out. */
export { explainDevice, explainEnrol } from "./explain.ts";
export { type DeviceFault, type EnrolFault, type Enrolment, isTag, limits } from "./model.ts";
export { openRegistry, type Registry, type RegistryPorts, type Renewed, type Revocations } from "./registry.ts";
export { openShutOut, type ShutOutPorts } from "./shut-out.ts";
export { fallOf, isDuplicate } from "./twins.ts";
