import { describe } from "vitest";
import { behavesAsClient } from "./behaviour.ts";
import { openHttpClient, openKafkaClient } from "./support/world.ts";

describe("the client over the log", () => behavesAsClient(openKafkaClient));

describe("the client over HTTP", () => behavesAsClient(openHttpClient));
