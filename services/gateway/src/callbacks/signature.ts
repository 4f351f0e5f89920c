import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";

/** Headers by which a receiver knows whom a callback is from: the Standard Webhooks specification. */
export interface SignatureHeaders {
  readonly "webhook-id": string;
  readonly "webhook-timestamp": string;
  readonly "webhook-signature": string;
}

const PREFIX = "whsec_";
/** As the specification asks. */
const MIN_SECRET_BYTES = 24;

/** Whether it is `whsec_` and at least 24 bytes in base64; several are separated by spaces. */
export function isCallbackSecret(text: string): boolean {
  return secretsIn(text).every((secret) => {
    if (!secret.startsWith(PREFIX)) return false;
    try {
      // What the receivers' own library does not take is of no use to them.
      new Webhook(secret);
    } catch {
      return false;
    }
    return keyOf(secret).byteLength >= MIN_SECRET_BYTES;
  });
}

/**
 * Signs one attempt. With several secrets there is a signature of each, so that receivers may change theirs one by one.
 *
 * By ourselves: the library decodes a body as UTF-8 first, so it would sign another one than is sent where it is no text.
 */
export function signatureOf(secrets: string, id: string, body: Buffer, atMs: number): SignatureHeaders {
  const timestamp = String(Math.floor(atMs / 1_000));
  const signatures = secretsIn(secrets).map((secret) => {
    const hmac = createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.`).update(body);
    return `v1,${hmac.digest("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

function secretsIn(text: string): string[] {
  return text.trim().split(/\s+/);
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(PREFIX.length), "base64");
}
