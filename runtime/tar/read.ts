import { quoted } from "../quoted.ts";
import { cut } from "./cut.ts";
import { type Extended, NOTHING, readPax } from "./extended.ts";
import { type Header, isZero, type Refuse, readHeader, untilNul } from "./header.ts";
import { BadTar, type Kind, type Member, type TarLimits, type TarProblem, tarLimits } from "./model.ts";
import { encodeName } from "./names.ts";

/**
 * Reads a tar archive (POSIX.1-2017 ustar and pax, GNU's long names and large numbers), member after member in the order of the archive,
 * with one chunk in memory. It says what stands there and trusts nothing: lengths are counted before bytes are read, every name is
 * bounded, and where tools are known to read one archive in two ways it is refused. It has no opinion on names: that is the caller's.
 * Throws {@link BadTar}; what the source throws passes through.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  limits: TarLimits = tarLimits,
): AsyncGenerator<Member> {
  let at = "";
  const refuse = (kind: TarProblem, detail: string): never => {
    throw new BadTar({ kind, member: at, detail });
  };
  const input = cut(source, () => at, !limits.endMark);
  let [count, bytes] = [0, 0];
  let everywhere: Extended = NOTHING; // of global headers
  let own: Extended | null = null; // of the member that follows, over those
  let gnu: { path?: string; linkpath?: string } = {};
  try {
    for (;;) {
      const block = await input.block();
      if (block === null && limits.endMark) return refuse("cutOff", "its end mark is missing");
      if (block === null || isZero(block)) break;
      const header = readHeader(block, refuse);
      if (++count > limits.membersMax) refuse("tooMany", `at most ${limits.membersMax}`);
      const auxiliary = "xgLK".includes(header.flag);
      const known: Extended = { ...(own ?? everywhere), ...gnu };
      // An extended header tells of what follows it, never of another one.
      const sizeBytes = auxiliary ? header.sizeBytes : (known.sizeBytes ?? header.sizeBytes);
      bytes += sizeBytes;
      if (bytes > limits.bytesMax) refuse("tooLarge", `at most ${limits.bytesMax} bytes`);
      if (auxiliary) {
        if (sizeBytes > tarLimits.extendedBytesMax) refuse("tooLong", `at most ${tarLimits.extendedBytesMax} bytes`);
        const text = await whole(input.body(sizeBytes), sizeBytes);
        switch (header.flag) {
          case "g":
            if (own !== null) refuse("badExtended", "a global one between a member and its own");
            everywhere = readGlobal(text, everywhere, refuse);
            break;
          case "x":
            own = readPax(text, own ?? everywhere, refuse);
            break;
          case "L":
            gnu = { ...gnu, path: untilNul(text) };
            break;
          case "K":
            gnu = { ...gnu, linkpath: untilNul(text) };
            break;
        }
        await input.pass();
        continue;
      }
      if (
        (gnu.path ?? own?.path) !== (own?.path ?? gnu.path) ||
        (gnu.linkpath ?? own?.linkpath) !== (own?.linkpath ?? gnu.linkpath)
      ) {
        refuse("badExtended", "two names for one member");
      }
      const name = nameIn(known.path ?? header.name, refuse);
      at = name;
      const kind = kindOf(header, known, sizeBytes, refuse);
      const { mode } = header;
      const { uid = header.uid, gid = header.gid, mtimeSeconds = header.mtimeSeconds, xattrs } = known;
      const offsetBytes = input.atBytes();
      yield { name, mode, uid, gid, mtimeSeconds, xattrs, ...kind, offsetBytes, bytes: input.body(sizeBytes) };
      await input.pass();
      own = null;
      gnu = {};
    }
    if (own !== null || Object.keys(gnu).length > 0) refuse("badExtended", "no member follows it");
    const second = await input.block();
    if (second === null) {
      if (limits.endMark) refuse("cutOff", "its end mark is not whole");
    } else if (!isZero(second) || !(await input.onlyZeros())) refuse("behindEnd", "");
  } finally {
    await input.leave();
  }
}

/** Names and lengths for all members at once mean nothing, and are how one reader sees another archive than the next. */
function readGlobal(text: Uint8Array, before: Extended, refuse: Refuse): Extended {
  const read = readPax(text, before, refuse);
  const { path, linkpath, sizeBytes } = read;
  if (path !== undefined || linkpath !== undefined || sizeBytes !== undefined) {
    refuse("badExtended", "one name or length for all members");
  }
  return read;
}

function nameIn(name: string, refuse: Refuse): string {
  if (name === "" || name.includes("\0")) refuse("badName", name === "" ? "empty" : "with NUL");
  if (name.length > tarLimits.nameBytesMax || encodeName(name).byteLength > tarLimits.nameBytesMax) {
    refuse("badName", `at most ${tarLimits.nameBytesMax} bytes`);
  }
  return name;
}

/** Tar manual, "Basic Tar Format": the flags. */
function kindOf(header: Header, known: Extended, sizeBytes: number, refuse: Refuse): Kind {
  const { flag, major, minor } = header;
  const hasNone = (): void => {
    if (sizeBytes !== 0) refuse("contentsOfNoFile", "");
  };
  switch (flag) {
    case "0":
    case "\0":
    case "7": // contiguous, which nobody cares for
      if ((known.path ?? header.name).endsWith("/")) refuse("badName", "a file that ends with a slash");
      return { kind: "file", sizeBytes };
    case "1":
    case "2":
      hasNone();
      return { kind: flag === "1" ? "hardlink" : "symlink", target: nameIn(known.linkpath ?? header.link, refuse) };
    case "3":
    case "4":
      hasNone();
      return { kind: flag === "3" ? "charDevice" : "blockDevice", major, minor };
    case "5":
      hasNone();
      return { kind: "folder" };
    case "6":
      hasNone();
      return { kind: "fifo" };
    case "S":
      return refuse("sparse", "");
    default:
      return refuse("unknownKind", `flag ${quoted(flag)}`);
  }
}

async function whole(body: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<Uint8Array> {
  const into = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const part of body) {
    into.set(part, at);
    at += part.byteLength;
  }
  return into;
}
