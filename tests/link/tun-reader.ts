/** Waits for packets where that holds nobody up. */
import { readSync } from "node:fs";

declare const self: Worker;

const PACKET_BYTES_MAX = 65_536;

self.onmessage = ({ data: fd }: MessageEvent<number>) => {
  const buffer = new Uint8Array(PACKET_BYTES_MAX);
  for (;;) {
    const length = readSync(fd, buffer);
    postMessage(buffer.slice(0, length));
  }
};
