export { createKafkaLog } from "./kafka-log.ts";
export type { KafkaLogOptions } from "./options.ts";
export { KAFKA_ENV } from "./options.ts";
