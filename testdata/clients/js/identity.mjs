// Says who this machine is, with no setting but the address of the core.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";

const client = new STSClient({ region: "us-east-1", endpoint: process.argv[2] });
const identity = await client.send(new GetCallerIdentityCommand({}));
console.log(identity.Arn);
