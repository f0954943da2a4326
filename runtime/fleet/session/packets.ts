/**
 * Watches the lengths of packets go by (MQTT 5 section 2.1): a parser keeps a packet until it is whole, however long its sender says that
 * it is. False: one is longer than `bytesMax`, its header included, or its length is none.
 */
export function packetBound(bytesMax: number): (bytes: Uint8Array) => boolean {
  let bodyLeft = 0;
  let headerBytes = 0;
  let length = 0;
  return (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      if (bodyLeft > 0) {
        const here = Math.min(bodyLeft, bytes.length - at);
        bodyLeft -= here;
        at += here;
        continue;
      }
      const byte = bytes[at] ?? 0;
      at += 1;
      headerBytes += 1;
      if (headerBytes === 1) continue; // type and flags
      length += (byte & 127) * 128 ** (headerBytes - 2);
      if (headerBytes + length > bytesMax) return false;
      if (byte >= 128) {
        if (headerBytes > LENGTH_BYTES_MAX) return false;
        continue;
      }
      bodyLeft = length;
      headerBytes = 0;
      length = 0;
    }
    return true;
  };
}

/** Variable byte integers have no more (MQTT 5 section 1.5.5). */
const LENGTH_BYTES_MAX = 4;
