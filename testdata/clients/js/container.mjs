// Prints which credentials the default chain finds, without a setting.
import { STSClient } from "@aws-sdk/client-sts";

const found = await new STSClient({ region: "us-east-1" }).config.credentials();
console.log(found.accessKeyId);
