// The AWS SDK for JavaScript, version 3, with no setting but the address of the core.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { uses } from "./uses.mjs";

let client;
await uses(async (endpoint) => {
  client ??= new STSClient({ region: "us-east-1", endpoint });
  const { Arn } = await client.send(new GetCallerIdentityCommand({}));
  return { arn: Arn, key: (await client.config.credentials()).accessKeyId };
});
