/** Lines as ssh-keygen(1) makes them; their private halves are gone. */
const blob = (type: string, bytes: number): string => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(type.length);
  return Buffer.concat([head, Buffer.from(type), Buffer.alloc(bytes, 7)]).toString("base64");
};

export const publicKey = (type: string, bytes = 36): string => `${type} ${blob(type, bytes)}`;
