import { runKafkaTool } from "../src/index.ts";

export async function createTopic(broker: string, topic: string): Promise<void> {
  await tool("TopicCommand", [
    "--bootstrap-server",
    broker,
    "--create",
    "--topic",
    topic,
    "--partitions",
    "1",
  ]);
}

export async function produce(broker: string, topic: string, lines: readonly string[]): Promise<void> {
  await tool("ConsoleProducer", ["--bootstrap-server", broker, "--topic", topic], `${lines.join("\n")}\n`);
}

/** The first `count` records of the topic. */
export async function consume(broker: string, topic: string, count: number): Promise<string[]> {
  const from = ["--bootstrap-server", broker, "--topic", topic, "--from-beginning"];
  const until = ["--max-messages", String(count), "--timeout-ms", "15000"];
  const stdout = await tool("consumer.ConsoleConsumer", [...from, ...until]);
  return stdout.split("\n").slice(0, -1);
}

async function tool(name: string, args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await runKafkaTool(`org.apache.kafka.tools.${name}`, args, { input });
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
