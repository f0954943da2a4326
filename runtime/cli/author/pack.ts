import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { EXIT_INTERRUPTED, interruptible } from "./interrupt.ts";

export const packCommand = command("pack", {
  summary: "Pack an image or a root file system into one file that a device mounts",
  example: "cairn pack docker://alpine:3.20 --platform linux/arm64 -o root.erofs --verity",
  flags: {
    output: flag.text("the file to write, .erofs or .squashfs: a device goes by the name", "o"),
    format: flag.text("erofs (lz4hc) or squashfs; default: what the file's name says, else erofs"),
    compression: flag.text("of squashfs: xz (default), zstd, gzip or lz4"),
    verity: flag.switch("also write FILE.hash and _dm/FILE.json, by which a device checks every block it reads"),
    platform: flag.text("os/architecture[/variant], several with commas in the order of preference"),
    "keep-times": flag.switch(
      "keep the times of files; without it all are 0, and rebuilds with the same contents the same",
    ),
    ca: flag.text("PEM file: who may have signed the registry's certificate"),
    insecure: flag.switch("take any certificate, and plain HTTP"),
    user: flag.text("log in to the registry; the password comes from CAIRN_REGISTRY_PASSWORD"),
    json: flag.switch("one JSON object: what was made"),
  },
  operands: {
    source: operand.needed(
      "docker://[HOST/]NAME[:TAG][@sha256:…], oci:FOLDER[:TAG], docker-archive:FILE[:NAME:TAG], or a folder or archive",
    ),
  },
  exits: {
    0: "packed",
    1: "not packed; nothing was written",
    [EXIT_USAGE]: "wrong arguments",
    [EXIT_INTERRUPTED]: "interrupted; nothing was written",
  },
  run: (values, out) =>
    interruptible(out, async (signal) => (await import("./pack-source.ts")).packSource(values, out, signal)),
});
