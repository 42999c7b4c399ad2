// The AWS SDK for JavaScript, version 2, with no setting but the address of the core.
import AWS from "aws-sdk";
import { promisify } from "node:util";
import { uses } from "./uses.mjs";

const metadata = new AWS.MetadataService();
const token = await promisify(metadata.fetchMetadataToken).call(metadata);
const region = await promisify(metadata.request).call(metadata, "/latest/meta-data/placement/region", {
  headers: { "x-aws-ec2-metadata-token": token },
});
console.log(`region=${region}`);
let client;
await uses(async (endpoint) => {
  client ??= new AWS.STS({ region, endpoint });
  const { Arn } = await client.getCallerIdentity().promise();
  return { arn: Arn, key: client.config.credentials.accessKeyId };
});
