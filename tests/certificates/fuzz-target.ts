/** Mutants of certificate requests, as strangers send them to a hub. */
import { explainRequest, makeRequest, readPrivateKey, readRequest } from "../../runtime/certificates/index.ts";
import { asBytes, mutantBytes } from "../fuzz/bytes.ts";
import { explained } from "../fuzz/campaign.ts";
import { withPlanted } from "../signatures/fuzz-targets.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { vectorText } from "../signatures/vectors.ts";

const key = unwrap(readPrivateKey(vectorText("pki/dev-ec256.key")));
const genuine = ["abcdefghijkl7", "a", "another"].map((name) => makeRequest(name, key));
const isGenuine = (bytes: Uint8Array): boolean => genuine.some((one) => Buffer.from(one).equals(bytes));

export const requestTarget = withPlanted({
  name: "certificate-request",
  draw: (dice) => (dice.roll(200) === 0 ? dice.pick(genuine) : mutantBytes(dice, genuine)),
  read: (input) => {
    const bytes = asBytes(input);
    const result = readRequest(bytes);
    return () => {
      if (!result.ok) return explained(`certificate request: ${explainRequest(result.error)}`);
      return isGenuine(bytes) ? "fine" : "accepted";
    };
  },
});
