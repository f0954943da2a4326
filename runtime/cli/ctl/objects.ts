import { parseDigest } from "../../state/index.ts";
import { type CommandGroup, command, EXIT_USAGE, group, type Out, operand } from "../command.ts";
import { answerTo, clientOf, common, list, showing, writeOut } from "./call.ts";
import { explainClientError } from "./client.ts";
import { EXIT, exitOf, exits, uploadExits } from "./exits.ts";
import { openBody, spoolStandardInput } from "./input.ts";
import { objectsTable } from "./tables.ts";
import { WireBroken } from "./wire.ts";

function wrongDigest(typed: string, out: Out): number {
  out.complain(`"${typed}" is no SHA-256: 64 digits of 0-9 a-f`);
  return EXIT_USAGE;
}

const get = command("get", {
  summary: "Fetch an object and check it",
  example: `cairn ctl objects get -f root.squashfs ${"0123456789abcdef".repeat(4)}`,
  flags: { ...common, outfile: showing.outfile },
  operands: { sha256: operand.needed("which object") },
  exits: { ...exits, [EXIT.badChecksum]: "the device's object has wrong bytes" },
  async run(values, out) {
    const digest = parseDigest(values.sha256);
    if (digest === null) return wrongDigest(values.sha256, out);
    const answer = await clientOf(values, out).open("GET", `/objects/${digest}`);
    if (!answer.ok) {
      out.complain(explainClientError(answer.error));
      return EXIT.other;
    }
    const { status, bytes } = answer.value;
    if (status !== 200) {
      for await (const part of bytes) out.complain(Buffer.from(part).toString());
      return exitOf(status, "object");
    }
    const hasher = new Bun.CryptoHasher("sha256");
    const hashed = (async function* () {
      for await (const part of bytes) {
        hasher.update(part);
        yield part;
      }
    })();
    const written = values.outfile === null ? await print(hashed, out) : await writeOut(values.outfile, hashed, out);
    if (written !== EXIT.done) return written;
    const found = hasher.digest("hex");
    if (found === digest) return EXIT.done;
    out.complain(`the device's object ${digest} has wrong bytes: their SHA-256 is ${found}`);
    return EXIT.badChecksum;
  },
});

async function print(bytes: AsyncIterable<Uint8Array>, out: Out): Promise<number> {
  try {
    for await (const part of bytes) out.write(part);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof WireBroken)) throw error;
    out.complain(error.message);
    return EXIT.other;
  }
}

const put = command("put", {
  summary: "Store an object; the device checks its bytes",
  example: `cairn ctl objects put root.squashfs ${"0123456789abcdef".repeat(4)}`,
  flags: common,
  operands: {
    file: operand.needed("where its bytes are; left out: they come on stdin, and are collected below TMPDIR first"),
    sha256: operand.optional("what they are; with one argument only, this is it"),
  },
  exits: uploadExits,
  async run(values, out) {
    const [file, typed] = values.sha256 === null ? ["-", values.file] : [values.file, values.sha256];
    const digest = parseDigest(typed);
    if (digest === null) return wrongDigest(typed, out);
    try {
      await using body = await (file === "-" ? spoolStandardInput() : openBody(file));
      const call = { method: "PUT", path: `/objects/${digest}`, body, about: "object" } as const;
      const answer = await answerTo(clientOf(values, out), call, out);
      return "exit" in answer ? answer.exit : EXIT.done;
    } catch (error) {
      out.complain(`${file}: ${error instanceof Error ? error.message : String(error)}`);
      return EXIT.other;
    }
  },
});

export const objects: CommandGroup = group("objects", {
  summary: "List, fetch and store objects",
  example: "cairn ctl objects ls",
  members: [
    list("ls", "List every object with its length", "cairn ctl objects ls", "/objects", objectsTable),
    get,
    put,
  ],
});
