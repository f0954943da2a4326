/** A control socket in a process of its own, so that a test can see what a client costs it: `bun server.ts <path>`. */
import { listen } from "../../runtime/control/index.ts";
import { fakeDevice } from "./device.ts";

const result = listen({
  path: process.argv[2] ?? "",
  caller: { kind: "host" },
  device: fakeDevice(),
  onBug: (error) => {
    throw error;
  },
});
console.log(result.ok ? "listening" : result.error.why);
