"""One client, used for as long as it takes to cross three rotations.

Prints the access key ids that it used, each on a line of its own, as it changes.
Any failed call ends it with a traceback.
"""
import sys
import time

import boto3

session = boto3.Session(region_name="us-east-1")
client = session.client("sts", endpoint_url=sys.argv[1])
credentials = session.get_credentials()
used = []
while len(used) < 4:
    client.get_caller_identity()
    key = credentials.get_frozen_credentials().access_key
    if key not in used:
        used.append(key)
        print(key, flush=True)
    time.sleep(20)  # of the client's own, faster, time
