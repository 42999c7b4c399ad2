// The AWS SDK for JavaScript, version 3, with no setting but the address of the core.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { MetadataService } from "@aws-sdk/ec2-metadata-service";
import { uses } from "./uses.mjs";

const region = await new MetadataService().request("/latest/meta-data/placement/region", {});
console.log(`region=${region}`);
let client;
await uses(async (endpoint) => {
  client ??= new STSClient({ region, endpoint });
  const { Arn } = await client.send(new GetCallerIdentityCommand({}));
  return { arn: Arn, key: (await client.config.credentials()).accessKeyId };
});
