import { shown } from "../../../state/index.ts";

/** Why no container can be made of a `src.json`: `place` is a member of it, such as `args.PV_ROLES` or `docker_config.Env[2]`. */
export interface TemplateFault {
  readonly kind:
    | "shape" // a member of the wrong type
    | "argument" // a template argument that cannot be used
    | "image" // something that the image asks for and LXC cannot give
    | "clash" // two volumes that would be one
    | "user"; // an account that the image does not have
  readonly place: string;
  readonly found: string;
  readonly wanted: string;
}

/** Collects what the template finds, so that an author sees all of it at once. */
export class Findings {
  readonly faults: TemplateFault[] = [];
  /** Things that an author should know and that stop nothing. */
  readonly remarks: string[] = [];

  refuse(kind: TemplateFault["kind"], place: string, found: unknown, wanted: string): void {
    this.faults.push({ kind, place, found: shown(found), wanted });
  }

  remark(text: string): void {
    this.remarks.push(text);
  }
}

const FAULTS_SHOWN = 10;

/** What is wrong with the container `name`, and where to correct it. */
export function explainFaults(name: string, faults: readonly TemplateFault[]): string {
  const shownFaults = faults.slice(0, FAULTS_SHOWN);
  const sentences = shownFaults.map(({ place, found, wanted }) => `${place}: found ${found}, wanted ${wanted}`);
  const more = faults.length > FAULTS_SHOWN ? `; and ${faults.length - FAULTS_SHOWN} more` : "";
  return `${name}/src.json makes no container: ${sentences.join("; ")}${more}`;
}
