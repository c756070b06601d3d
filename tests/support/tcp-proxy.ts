// A wire that can be cut: what connects to it reaches a port of the loopback, until the wire falls silent.
import { connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /**
   * What is connected hears nothing any more and is not told, as when a cable is pulled. New ones pass.
   */
  silence(): void;
  /** Drops the near ends; the far ends stay as they are, and hear nothing any more. */
  dropNearEnds(): void;
  /** Ends what is connected, and both sides are told. New ones pass. */
  cut(): void;
  stop(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const server = createServer((near) => {
    const far = connect(targetPort, "127.0.0.1");
    const pair = { near, far };
    pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    near.on("close", () => pairs.has(pair) && far.destroy());
    far.on("close", () => pairs.has(pair) && near.destroy());
    // Errors end a socket, which its close tells.
    for (const socket of [near, far]) socket.on("error", () => undefined);
  });
  const silent = new Set<Pair>();
  const mute = () => {
    for (const pair of pairs) {
      pairs.delete(pair);
      silent.add(pair);
      for (const socket of [pair.near, pair.far]) {
        socket.unpipe();
        // Read and forgotten, so that the other side's writes go on.
        socket.resume();
      }
    }
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A listening TCP server has an address with a port.
  const { port } = server.address() as { readonly port: number };
  return {
    port,
    silence: mute,
    dropNearEnds() {
      const present = [...pairs];
      mute();
      for (const { near } of present) near.destroy();
    },
    cut() {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
    },
    async stop() {
      for (const { near, far } of [...pairs, ...silent]) {
        near.destroy();
        far.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
