// The AWS Common Runtime, which signs with what its default chain of providers finds.
import { auth, http } from "aws-crt";
import { uses } from "./uses.mjs";

const provider = auth.AwsCredentialsProvider.newDefault();
await uses(async (endpoint) => {
  const { host } = new URL(endpoint);
  const query = new http.HttpRequest("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", new http.HttpHeaders([["host", host]]));
  const signed = await auth.aws_sign_request(query, {
    algorithm: auth.AwsSigningAlgorithm.SigV4,
    signature_type: auth.AwsSignatureType.HttpRequestViaQueryParams,
    provider,
    region: "us-east-1",
    service: "sts",
  });
  const url = new URL(signed.path, endpoint);
  const reply = await fetch(url, { headers: { accept: "application/json" } });
  if (!reply.ok) throw new Error(await reply.text());
  const { GetCallerIdentityResponse } = await reply.json();
  return {
    arn: GetCallerIdentityResponse.GetCallerIdentityResult.Arn,
    key: url.searchParams.get("X-Amz-Credential").split("/")[0],
  };
});
process.exit(0); // the runtime's threads go on
