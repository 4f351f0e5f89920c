import type { Mechanism } from "kafkajs";

/** Begins and separates the parts of the message (RFC 7628). */
const SOH = "\x01";
/** kafkajs wants the length before the message, and gives it before the answer. */
const LENGTH_BYTES = 4;

/**
 * The OAUTHBEARER mechanism. Not kafkajs's own, which takes the broker's objection to a token for success and then
 * fails at the next request, with an error that says nothing of it.
 */
export function oauthBearer(readToken: () => Promise<string>): Mechanism {
  return {
    mechanism: "oauthbearer",
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const message = Buffer.from(`n,,${SOH}auth=Bearer ${await readToken()}${SOH}${SOH}`);
        const length = Buffer.alloc(LENGTH_BYTES);
        length.writeInt32BE(message.length);
        const objection = await saslAuthenticate({
          request: { encode: () => Buffer.concat([length, message]) },
          response: {
            decode: (answer) => answer.subarray(LENGTH_BYTES),
            parse: (text) => text.toString(),
          },
        });
        if (objection) throw refusal(objection);
      },
    }),
  };
}

/** kafkajs's error, which it does not export. */
function refusal(objection: string): Error {
  const error = new Error(`SASL OAUTHBEARER authentication failed: ${objection}`);
  return Object.assign(error, { name: "KafkaJSSASLAuthenticationError", retriable: false });
}
