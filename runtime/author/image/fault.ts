import { quoted } from "../../quoted.ts";
import { unreachable } from "../../result.ts";
import { explainTar, type TarFault } from "../../tar/index.ts";

/** What a layer does that no image may: named after what would go wrong if it were followed. */
export type LayerProblem =
  | "outside"
  | "badWhiteout"
  | "noFolder"
  | "noLinkTarget"
  | "linkToFolder"
  | "linkLoop"
  | "nameTooLong"
  | "tooDeep";

/** Why an image was not taken. Nothing of it is left behind then. */
export type ImageFault =
  | { readonly kind: "source"; readonly source: string; readonly detail: string }
  | { readonly kind: "io"; readonly path: string; readonly code: string }
  | { readonly kind: "tar"; readonly blob: string; readonly fault: TarFault }
  | { readonly kind: "layer"; readonly blob: string; readonly problem: LayerProblem; readonly name: string }
  | { readonly kind: "compression"; readonly blob: string; readonly detail: string }
  | { readonly kind: "digest"; readonly blob: string; readonly found: string }
  | { readonly kind: "length"; readonly blob: string; readonly expectedBytes: number; readonly foundBytes: number }
  | {
      readonly kind: "tooLarge";
      readonly what: string;
      readonly most: number;
      readonly unit: "bytes" | "entries" | "items";
    }
  | { readonly kind: "document"; readonly what: string; readonly detail: string }
  | { readonly kind: "platform"; readonly wanted: string; readonly offered: readonly string[] }
  | { readonly kind: "noSuchImage"; readonly wanted: string; readonly offered: readonly string[] }
  | { readonly kind: "registry"; readonly url: string; readonly status: number; readonly detail: string }
  | { readonly kind: "network"; readonly url: string; readonly detail: string }
  | { readonly kind: "program"; readonly program: string; readonly detail: string }
  | { readonly kind: "noProgram"; readonly program: string; readonly package: string };

const layerProblems: Readonly<Record<LayerProblem, string>> = {
  outside: "leads outside of the image",
  badWhiteout: "is no whiteout (OCI image-spec, layer.md)",
  noFolder: "lies in something that is no folder",
  noLinkTarget: "is another name of a file that the image does not have",
  linkToFolder: "is another name of a folder, which Linux does not know",
  linkLoop: "leads through symbolic links that never end",
  nameTooLong: "has a name of more than 255 bytes, or a path of more than 4095",
  tooDeep: "lies in more than 512 folders",
};

const SHOWN_CHARS = 256;

export function explainImage(fault: ImageFault): string {
  switch (fault.kind) {
    case "source":
      return `${fault.source}: ${fault.detail}`;
    case "io":
      return `${fault.path}: ${fault.code}`;
    case "tar":
      return `${fault.blob}: ${explainTar(fault.fault)}`;
    case "layer":
      return `${fault.blob}: ${quoted(fault.name.slice(0, SHOWN_CHARS))} ${layerProblems[fault.problem]}: the image is not to be trusted, or was made by a broken tool`;
    case "compression":
      return `${fault.blob}: unpacking it failed: ${fault.detail}`;
    case "digest":
      return `${fault.blob} has other bytes than its digest says (found sha256:${fault.found}): it was damaged or exchanged, fetch it again`;
    case "length":
      return `${fault.blob} has ${fault.foundBytes} bytes and should have ${fault.expectedBytes}: it was damaged or exchanged, fetch it again`;
    case "tooLarge":
      return `${fault.what}: more than the ${fault.most} ${fault.unit} that are allowed`;
    case "document":
      return `${fault.what}: ${fault.detail}`;
    case "platform":
      return `the image is not made for ${fault.wanted}, but for ${fault.offered.join(", ") || "nothing"}: choose with --platform`;
    case "noSuchImage":
      return `there is no image ${quoted(fault.wanted)}; there is ${fault.offered.map(quoted).join(", ") || "none"}: name one after a colon`;
    case "registry":
      return `${fault.url}: the registry answers ${fault.status}${fault.detail === "" ? "" : `, ${fault.detail}`}${registryHint(fault.status)}`;
    case "network":
      return `${fault.url}: ${fault.detail}`;
    case "program":
      return `${fault.program} failed: ${fault.detail}`;
    case "noProgram":
      return `the program ${fault.program} is missing; on Debian: apt-get install ${fault.package}`;
    default:
      return unreachable(fault);
  }
}

function registryHint(status: number): string {
  if (status === 401 || status === 403) return ": it wants a login (--user), or you may not read this image";
  if (status === 404) return ": is the name right, and the tag?";
  return status === 429 ? ": it limits how much is fetched, wait or log in" : "";
}

/** Thrown inside, since it may turn up in the middle of a stream; the doors make a value of it. */
export class BadImage extends Error {
  override readonly name = "BadImage";
  constructor(readonly fault: ImageFault) {
    super(explainImage(fault));
  }
}

export const fail = (fault: ImageFault): never => {
  throw new BadImage(fault);
};
