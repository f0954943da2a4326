/** What the top of the command line says of `cairn hub`; its commands load when it is asked for. */
export const hubOutline = {
  name: "hub",
  summary: "Be the backend of a fleet of devices",
  example: "cairn hub serve --folder fleet --address 192.0.2.7",
} as const;
