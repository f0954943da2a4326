/** What GRUB and U-Boot do with the scripts of bsp-buildroot/boot: another reader of the same disk, which knows nothing of the runtime. */
import type { SimulatedDisk } from "./disk.ts";
import type { Power } from "./power.ts";
import { ROOT } from "./releases.ts";
import type { Rng } from "./rng.ts";

export type LoaderKind = "grub" | "uboot";

/** `pv_rev` and `pv_try`, "" as long as they are not set. */
export interface LoaderVariables {
  readonly committed: string;
  readonly trial: string;
}

export interface Start {
  readonly rev: string;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

export interface Choice {
  readonly variables: LoaderVariables;
  /** The revision that it wants. */
  readonly wanted: string;
  /** Null: nothing can be started. */
  readonly start: Start | null;
}

export interface BootLoader {
  /** Called after a cut and before the disk is mounted. */
  choose(): Choice;
}

const names = { grub: "grubenv", uboot: "uboot.txt" } as const;
export const environmentPath = (kind: LoaderKind): string => `${ROOT}/boot/${names[kind]}`;

const HEADER = "# GRUB Environment Block\n";

/** Null: the loader says that it cannot read it. */
export function variablesIn(kind: LoaderKind, bytes: Uint8Array | null): LoaderVariables | null {
  if (bytes === null || bytes.byteLength === 0) return null;
  const end = kind === "grub" ? -1 : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf("\0\0");
  const text = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
  if (kind === "grub" && !text.startsWith(HEADER)) return null;
  const entries = kind === "grub" ? text.slice(HEADER.length).split("\n") : text.split("\0");
  const last = (name: string): string =>
    entries.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  return { committed: last("pv_rev"), trial: last("pv_try") };
}

/** The loader's own note of the trial it has started, one sector on the boot partition, written in place. */
interface Note {
  trying: string;
}

export function bootLoader(kind: LoaderKind, storage: SimulatedDisk, power: Power, rng: Rng): BootLoader {
  const note: Note = { trying: "" };

  /** False: it failed. A sector that is being written when the power goes is old or new; U-Boot's file may be lost with its checksum. */
  function save(trying: string): "saved" | "failed" | "cut" {
    const accident = power.strike({ call: "write", why: "loader/trying", path: "/boot/pv.env" });
    if (accident === null) {
      note.trying = trying;
      return "saved";
    }
    if (accident.kind !== "cut") return "failed";
    if (accident.moment === "after" || (accident.moment === "during" && rng.chance(0.5))) note.trying = trying;
    else if (accident.moment === "during" && kind === "uboot") note.trying = "";
    power.cut();
    return "cut";
  }

  const path = environmentPath(kind);
  const read = (): LoaderVariables => {
    const found = variablesIn(kind, storage.loaderRead(path)) ?? variablesIn(kind, storage.loaderRead(`${path}.next`));
    return { committed: found?.committed || "0", trial: found?.trial ?? "" };
  };

  function load(rev: string): Start | null {
    const kernel = storage.loaderRead(`${ROOT}/trails/${rev}/.pv/pv-kernel.img`);
    const initrd = storage.loaderRead(`${ROOT}/trails/${rev}/.pv/pv-initrd.img`);
    return kernel === null || initrd === null ? null : { rev, kernel, initrd };
  }

  function order({ committed, trial }: LoaderVariables): readonly string[] | "cut" {
    const fallbacks = committed === "0" ? ["0"] : [committed, "0"];
    if (trial === "" || note.trying === trial) {
      return note.trying !== "" && save("") === "cut" ? "cut" : fallbacks;
    }
    const noted = save(trial);
    if (noted === "cut") return "cut";
    return noted === "saved" ? [trial, ...fallbacks] : fallbacks;
  }

  return {
    choose() {
      for (;;) {
        const variables = read();
        const candidates = order(variables);
        if (candidates === "cut") continue;
        const [wanted = "0"] = candidates;
        for (const rev of candidates) {
          const start = load(rev);
          if (start !== null) return { variables, wanted, start };
        }
        return { variables, wanted, start: null };
      }
    },
  };
}
