/**
 * A control socket in a process of its own, so that a test can see what a client costs it: `bun server.ts <path> <storage>`; objects
 * are those of the storage tree.
 */
import { controlObjects } from "../../runtime/boot/control-objects.ts";
import { listen, openTransfers } from "../../runtime/control/index.ts";
import { openStore, realDisk } from "../../runtime/store/index.ts";
import { fakeDevice } from "./device.ts";

const [, , path = "", storage = "/"] = process.argv;
const result = listen({
  path,
  caller: { kind: "host" },
  device: fakeDevice({ objects: controlObjects(openStore(realDisk, storage), 0) }),
  transfers: openTransfers(),
  onBug: (error) => {
    throw error;
  },
});
console.log(result.ok ? "listening" : result.error.why);
