import { explainRequest } from "../../certificates/index.ts";
import { quoted } from "../../quoted.ts";
import type { DeviceFault, EnrolFault } from "./model.ts";

export function explainEnrol(fault: EnrolFault): string {
  switch (fault.kind) {
    case "request":
      return `certificate request: ${explainRequest(fault.fault)}`;
    case "name":
      return `certificate request: its common name is not the id of its key, which is ${fault.wanted}`;
    case "token":
      return "the join token is not one of this fleet: put the right one into the image, or none to wait for an operator";
    case "revoked":
      return `device ${fault.id} was revoked: it needs a new key to come back, as a factory reset gives it one`;
    case "taken":
      return `id ${fault.id} belongs to another key: make a new one`;
    case "full":
      return `${fault.waitingMax} devices wait for an operator, and no more are taken up: accept or revoke some`;
  }
}

export function explainDevice(fault: DeviceFault): string {
  switch (fault.kind) {
    case "unknown":
      return `no device has the id or code ${quoted(fault.name)}`;
    case "ambiguous":
      return `several devices that wait have the code ${quoted(fault.name)}: name one by its id (${fault.ids.join(", ")})`;
    case "status":
      return fault.wanted === "waiting"
        ? `device ${fault.device.id} does not wait: it is ${fault.device.status}`
        : `device ${fault.device.id} is revoked already`;
    case "tag":
      return `${quoted(fault.tag)} is no tag: wanted 1 to 64 of a-z 0-9 . _ = -, beginning with a letter or digit`;
    case "tooManyTags":
      return `a device has at most ${fault.max} tags`;
  }
}
