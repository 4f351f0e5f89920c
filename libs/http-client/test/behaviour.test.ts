import { describe } from "vitest";
import { behavesAsClient } from "./behaviour.ts";
import { behavesAsBroadcaster } from "./broadcast-behaviour.ts";
import { openHttpClient, openKafkaClient } from "./support/world.ts";

describe("the client over the log", () => {
  behavesAsClient(openKafkaClient);
  behavesAsBroadcaster(openKafkaClient);
});

describe("the client over HTTP", () => {
  behavesAsClient(openHttpClient);
  behavesAsBroadcaster(openHttpClient);
});
