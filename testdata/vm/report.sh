# Run in a machine that knows nothing of what serves it.
cloud-init status --wait
echo "status=$(cloud-init status)"
echo "cloud_id=$(cloud-id)"
echo "instance_id=$(cloud-init query instance_id)"
echo "region=$(cloud-init query region)"
echo "ds_identify=$(cat /run/cloud-init/cloud.cfg)"
echo "boto3=$(python3 -c 'import boto3; c = boto3.Session().get_credentials(); print(c.method, c.access_key)')"
grep -E 'WARNING|ERROR' /var/log/cloud-init.log
cat /run/cloud-init/result.json
echo "the report ends"
echo o >/proc/sysrq-trigger
