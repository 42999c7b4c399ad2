// The AWS SDK for JavaScript, version 2, with no setting but the address of the core.
import AWS from "aws-sdk";
import { uses } from "./uses.mjs";

let client;
await uses(async (endpoint) => {
  client ??= new AWS.STS({ region: "us-east-1", endpoint });
  const { Arn } = await client.getCallerIdentity().promise();
  return { arn: Arn, key: client.config.credentials.accessKeyId };
});
