import { command, flag, type Out, operand } from "../command.ts";
import type { Question } from "./ask.ts";
import { call } from "./call.ts";
import { exits } from "./exits.ts";

const asJson = flag.switch("the device as one JSON object");
const device = operand.needed("id of the device, or the code of one that waits");

const pathOf = (name: string, rest = ""): string => `/devices/${encodeURIComponent(name)}${rest}`;

/** Asks for something about one device and shows it as it is then. */
async function show(question: Question, json: boolean, out: Out): Promise<number> {
  const { Device, deviceText } = await import("./device.ts");
  return call(question, Device, out, (found) => out.print(json ? JSON.stringify(found) : deviceText(found)));
}

export const devicesCommand = command("devices", {
  summary: "List the devices",
  example: "cairn fleet devices --status waiting",
  flags: {
    status: flag.text("only those that are waiting, accepted or revoked"),
    tag: flag.text("only those with this tag"),
    json: flag.switch("one JSON object a line"),
  },
  operands: {},
  exits,
  async run({ status, tag, json }, out) {
    const { Devices, devicesTable } = await import("./device.ts");
    const query = new URLSearchParams({
      ...(status === null ? {} : { status }),
      ...(tag === null ? {} : { tag }),
    });
    return call({ method: "GET", path: `/devices?${query}` }, Devices, out, ({ devices }) => {
      if (!json) out.print(devicesTable(devices));
      else for (const one of devices) out.print(JSON.stringify(one));
    });
  },
});

export const showCommand = command("show", {
  summary: "Show one device",
  example: "cairn fleet show mtztsj7ktdtb3",
  flags: { json: asJson },
  operands: { device },
  exits,
  run: ({ device: name, json }, out) => show({ method: "GET", path: pathOf(name) }, json, out),
});

export const acceptCommand = command("accept", {
  summary: "Take a device that waits into the fleet: compare the code with what it shows",
  example: "cairn fleet accept k3x7qa",
  flags: { json: asJson },
  operands: { device },
  exits,
  run: ({ device: name, json }, out) => show({ method: "POST", path: pathOf(name, "/accept") }, json, out),
});

export const revokeCommand = command("revoke", {
  summary: "Shut a device out for good: its key never gets in again",
  example: "cairn fleet revoke mtztsj7ktdtb3",
  flags: { json: asJson },
  operands: { device },
  exits,
  run: ({ device: name, json }, out) => show({ method: "POST", path: pathOf(name, "/revoke") }, json, out),
});

export const tagCommand = command("tag", {
  summary: "Give a device these tags and no others; none takes away those it has",
  example: "cairn fleet tag mtztsj7ktdtb3 lab site=north",
  flags: { json: asJson },
  operands: { device, tags: operand.many("1 to 64 of a-z 0-9 . _ = - each") },
  exits,
  run: ({ device: name, tags, json }, out) =>
    show({ method: "PUT", path: pathOf(name, "/tags"), body: { tags } }, json, out),
});
