import { AssignerProtocol, type PartitionAssigner } from "kafkajs";

/**
 * Gives every member of the group every partition. Each reader is alone in a group of its own, and kafkajs has no
 * manual assignment: this is how a reader gets all partitions without a rebalance that could take one away.
 */
export const assignAll: PartitionAssigner = ({ cluster }) => ({
  name: "ShardcastAssignAll",
  version: 1,
  async assign({ members, topics }) {
    const assignment = Object.fromEntries(
      topics.map((topic) => [
        topic,
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
      ]),
    );
    const memberAssignment = AssignerProtocol.MemberAssignment.encode({
      version: 1,
      assignment,
      userData: Buffer.alloc(0),
    });
    return members.map(({ memberId }) => ({ memberId, memberAssignment }));
  },
  protocol({ topics }) {
    return {
      name: "ShardcastAssignAll",
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
    };
  },
});
