import { once } from "node:events";
import { connect } from "node:net";

// ApiVersions v0, correlation id 1, no client id: the one request that every broker answers.
const apiVersions = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255]);

/** Resolves once the broker answers; a paused one takes the connection and keeps silent. */
export async function untilAnswer(broker: string): Promise<void> {
  const { hostname, port } = new URL(`tcp://${broker}`);
  const socket = connect({ host: hostname, port: Number(port) });
  try {
    socket.write(apiVersions);
    await once(socket, "data");
  } finally {
    socket.destroy();
  }
}
