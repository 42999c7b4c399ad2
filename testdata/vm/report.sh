# Run in a machine that knows nothing of what serves it: one line for each finding.
query() { cloud-init query --format "{{ $1 }}"; }
cloud-init status --wait
echo "ds_identify=$(cat /run/cloud-init/cloud.cfg)"
echo "status=$(cloud-init status)"
echo "errors=$(python3 -c 'import json; print(json.load(open("/run/cloud-init/result.json"))["v1"]["errors"])')"
# But those of any Debian whose root is no disk, which has no SSH server, and whose
# network is up already.
echo "warnings=$(grep -E 'WARNING|ERROR|CRITICAL' /var/log/cloud-init.log |
	grep -vE 'cc_resizefs|interface eth0 already configured|Failed generating key type|SSH service .* is not installed' | tr '\n' ';')"
echo "cloud_id=$(cloud-id)"
echo "instance_id=$(query v1.instance_id)"
echo "region=$(query v1.region)"
echo "zone=$(query v1.availability_zone)"
echo "version=$(query ds._metadata_api_version)"
echo "image=$(query "ds.meta_data['ami-id']")"
echo "instance_type=$(query "ds.meta_data['instance-type']")"
echo "nic=$(query "ds.meta_data.network.interfaces.macs['06:00:00:00:00:01']['local-ipv4s']")"
echo "document=$(query "ds.dynamic['instance-identity'].document.region")"
echo "hostname=$(hostname)"
echo "key=$(sed 's/.* //' /home/debian/.ssh/authorized_keys)"
echo "written=$(cat /run/written)"
echo "boto3=$(python3 -c 'import boto3; c = boto3.Session().get_credentials(); print(c.method, c.access_key)')"
aws configure list >/tmp/aws
echo "aws=$(awk '$1 == "access_key" { print $2, $3 }' /tmp/aws)"
echo "aws_region=$(awk '$1 == "region" { print $2, $3 }' /tmp/aws)"
echo "the report ends"
echo o >/proc/sysrq-trigger
