"""boto3, with no setting but the address of the core: says who this machine is.

Prints each access key id that it used, until it used as many as the second argument
says. Any failed call ends it with a traceback.
"""
import sys
import time

import boto3
from botocore.utils import IMDSRegionProvider

region = IMDSRegionProvider(boto3.Session()._session).provide()
print("region=%s" % region)
session = boto3.Session(region_name=region)
client = session.client("sts", endpoint_url=sys.argv[1])
credentials = session.get_credentials()
print("arn=" + client.get_caller_identity()["Arn"])
used = set()
while True:
    client.get_caller_identity()
    key = credentials.get_frozen_credentials().access_key
    if key not in used:
        used.add(key)
        print("key=" + key, flush=True)
    if len(used) == int(sys.argv[2]):
        break
    time.sleep(20)  # of the client's own time, which may be faster than the world's
