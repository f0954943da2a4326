/** What the hub wants of devices, signed for each with the newest of the hub's order keys that it has. */
export { explainMissingKey, type OrderSigner, openSigner, type SignerPorts } from "./signer.ts";
