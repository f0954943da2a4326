import { explainState, type JsonFault, type StateError, shown } from "../state/index.ts";
import { explainGlob, type GlobFault } from "./glob.ts";
import { limits } from "./limits.ts";
import { type ChainFault, explainChain } from "./x509/index.ts";

/** What is wrong with one signature element. */
export type SignatureProblem =
  /** It was asked for by name, and is no `pvs@2`. */
  | { readonly kind: "notThere" }
  | { readonly kind: "spec" }
  /** `protected` or `signature` is missing, no text, or too long. */
  | { readonly kind: "shape"; readonly member: "protected" | "signature" }
  | { readonly kind: "encoding"; readonly member: "protected" | "signature" }
  | { readonly kind: "headerJson"; readonly fault: JsonFault | null }
  /** A member of the protected header is missing or has a wrong value. */
  | { readonly kind: "header"; readonly member: "alg" | "typ" | "pvs" | "x5c" | "crit"; readonly found: string }
  | { readonly kind: "glob"; readonly glob: string; readonly fault: GlobFault }
  | { readonly kind: "tooManyGlobs" }
  /** Matching the globs would take too long. */
  | { readonly kind: "globCost" }
  | { readonly kind: "emptySelection" }
  /** A certificate of `x5c`, counted from 0. */
  | { readonly kind: "certificate"; readonly index: number; readonly what: string }
  | { readonly kind: "chain"; readonly fault: ChainFault }
  /** Nothing that is trusted has a key of the kind that `alg` wants. */
  | { readonly kind: "noKey"; readonly algorithm: string; readonly found: string }
  /** `signature` is not as long as those of the trusted keys are. */
  | { readonly kind: "length"; readonly bytes: number }
  /** The signature is of another key, or of other content. */
  | { readonly kind: "mismatch"; readonly tried: number };

/** Why a state is not trusted. */
export type VerifyError =
  | { readonly kind: "state"; readonly error: StateError }
  | { readonly kind: "noObject" }
  | { readonly kind: "tooManySignatures"; readonly max: number }
  /** `key` is the signature element's in the state. */
  | { readonly kind: "signature"; readonly key: string; readonly problem: SignatureProblem };

/** The sentence for people, and what they can do. */
export function explainVerify(error: VerifyError): string {
  switch (error.kind) {
    case "state":
      return explainState(error.error);
    case "noObject":
      return "the state is no JSON object: wanted one with a member for each file";
    case "tooManySignatures":
      return `the state has more than ${error.max} signatures: sign whole parts, not single files`;
    case "signature":
      return `signature ${shown(error.key)}: ${explainProblem(error.problem)}`;
  }
}

/** The same without the name of the signature. */
export function explainProblem(problem: SignatureProblem): string {
  switch (problem.kind) {
    case "notThere":
      return "the state has no such key: look at its list of keys";
    case "spec":
      return 'it is no object with "#spec":"pvs@2", the one format that is known here: sign again';
    case "shape":
      return `"${problem.member}" is missing, no text, or too long: sign again`;
    case "encoding":
      return `"${problem.member}" is not base64url without padding: it was damaged or made by another tool; sign again`;
    case "headerJson": {
      const where = problem.fault === null ? "" : ` (line ${problem.fault.line}, column ${problem.fault.column})`;
      return `the protected header is no strict JSON${where}: it was damaged; sign again`;
    }
    case "header":
      return explainHeader(problem.member, problem.found);
    case "glob":
      return `the pattern ${shown(problem.glob)} ${explainGlob(problem.fault)}: sign again with a simpler one`;
    case "tooManyGlobs":
      return `it has more than ${limits.globsMax} patterns: sign again with fewer`;
    case "globCost":
      return "its patterns take too long to match: sign again with simpler ones";
    case "emptySelection":
      return "it covers nothing of the state: remove it, or sign again";
    case "certificate":
      return `certificate ${problem.index + 1} of x5c cannot be used: ${problem.what}`;
    case "chain":
      return explainChain(problem.fault, shown);
    case "noKey":
      return `it is ${problem.algorithm}, and no such key is trusted (there is ${problem.found}): trust the signer's key or authority, or sign with a trusted one`;
    case "length":
      return `"signature" has ${problem.bytes} bytes, which none of a trusted key has (is it ECDSA, and one in DER where r and s are wanted, or the other way round?): sign again`;
    case "mismatch":
      return problem.tried === 1
        ? "the content was changed after it was signed, or another key signed it: compare with the author's, or sign again"
        : `none of the ${problem.tried} trusted keys made it, or the content was changed after it was signed`;
  }
}

function explainHeader(member: "alg" | "typ" | "pvs" | "x5c" | "crit", found: string): string {
  switch (member) {
    case "alg":
      return `the algorithm is ${found}, wanted RS256, ES256 or ES384 in the protected header: sign again with one of them`;
    case "typ":
      return `its type is ${found}, wanted "PVS": it was made for something else`;
    case "pvs":
      return `"pvs" is ${found}, wanted lists of patterns "include" and "exclude": sign again`;
    case "x5c":
      return `"x5c" is ${found}, wanted 1 to ${limits.certificatesMax} certificates in base64: sign again`;
    case "crit":
      return "it lists extensions (crit) that must be understood, and none is understood here";
  }
}
