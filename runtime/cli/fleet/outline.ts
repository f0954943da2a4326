/** What the top of the command line says of `cairn fleet`; its commands load when it is asked for. */
export const fleetOutline = {
  name: "fleet",
  summary: "Look after the devices of a hub",
  example: "cairn fleet devices",
} as const;
