"""Prints which credentials boto3 finds, and by which of its ways, without a setting."""
import boto3

credentials = boto3.Session(region_name="us-east-1").get_credentials()
print(credentials.method, credentials.get_frozen_credentials().access_key)
