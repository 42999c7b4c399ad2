"""Debian's cloud-init, which looks for EC2 as at boot: prints the instance data that it
would keep, as JSON. Its one argument is a directory for what it writes."""
import json
import sys

from cloudinit import distros, helpers
from cloudinit.sources import DataSourceEc2

paths = helpers.Paths({"cloud_dir": sys.argv[1], "run_dir": sys.argv[1], "templates_dir": "/etc/cloud/templates"})
source = DataSourceEc2.DataSourceEc2({}, distros.fetch("debian")("debian", {}, paths), paths)
if not source.get_data():
    sys.exit("cloud-init finds no EC2")
print(json.dumps({
    "cloud": source.cloud_name, "platform": source.platform, "region": source.region,
    "instance-id": source.get_instance_id(), "user-data": (source.get_userdata_raw() or b"").decode(),
    "public-keys": source.get_public_ssh_keys(), "metadata": source.metadata, "identity": source.identity,
}))
