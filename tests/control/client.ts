export interface Client {
  readonly socket: Bun.Socket;
  /** All that came back, once the other side has hung up. */
  readonly closed: Promise<string>;
  /** Bytes that have come so far. */
  received(): number;
}

/** A client that sends bytes as they are, and reads unless it is paused. */
export async function connect(path: string, bytes: string | Uint8Array = ""): Promise<Client> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const parts: Buffer[] = [];
  let received = 0;
  const end = () => resolve(Buffer.concat(parts).toString("latin1"));
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data(_socket, data) {
        parts.push(data);
        received += data.length;
      },
      close: end,
      end,
      error: end,
    },
  });
  if (bytes.length > 0) socket.write(bytes);
  return { socket, closed: promise, received: () => received };
}

/** Sends all of it, as the other side takes it; false when that one has hung up before. */
export async function sendAll({ socket }: Client, bytes: Uint8Array): Promise<boolean> {
  for (let sent = 0; sent < bytes.length; ) {
    const wrote = socket.write(bytes.subarray(sent));
    if (wrote < 0) return false;
    sent += wrote;
    await Bun.sleep(0);
  }
  return true;
}

/** Waits until something holds; an expectation that never comes true fails by the test's own time limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(5);
}
