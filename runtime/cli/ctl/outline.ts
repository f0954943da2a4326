/** What the top of the command line says of `cairn ctl`; its commands load when it is asked for. */
export const ctlOutline = {
  name: "ctl",
  summary: "Talk to the device runtime, on the device or in one of its containers",
  example: "cairn ctl containers ls",
} as const;
