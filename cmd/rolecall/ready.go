package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/cmd/rolecall/doctor"
)

// notifyReady tells systemd, if it is there, that what depends on us may start.
func notifyReady(logger *slog.Logger) error {
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		logger.Warn("systemd not notified", "err", err)
	}
	return nil
}

// printReady says that everything works, and what to try. The commands work when
// pasted into a shell.
func printReady(w world, i admin.Instance, ao agentOptions, co coreOptions, o upOptions) error {
	endpoint := i.Endpoints[0]
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("Rolecall is ready: this machine has the role %s as instance %s.", i.RoleARN, i.ID)
	line("SDKs find its credentials at %s.", strings.Join(i.Endpoints, " and "))
	line("")
	line("Try:")
	line("  curl -s -H \"X-aws-ec2-metadata-token: $(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' %s/latest/api/token)\" %s/latest/meta-data/iam/info",
		endpoint, endpoint)
	if url, trust := co.localURL(); url != "" {
		if ao.listen != "" {
			trust += "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + endpoint + "/ " // botocore 1.29 appends its path as it is
		}
		line("  %saws sts get-caller-identity --region %s --endpoint-url %s", trust, o.region, url)
	}
	status := self(w) + " status"
	if ao.adminSocket != defaultsFor(w.uid, w.env).adminSocket {
		status += " --admin-socket " + ao.adminSocket
	}
	line("  %s", status)
	line("")
	line("Only this core knows these credentials: real AWS refuses them.")
	if address, err := co.address(); err != nil || address.Addr().IsLoopback() {
		line("Guests cannot reach the core yet: it answers on loopback only.")
	} else {
		line("Guests and other hosts reach the core at port %d of this machine's addresses, over TLS.", address.Port())
	}
	for _, note := range proxyNotes(w) {
		line("Note: %s", note)
	}
	_, err := fmt.Fprint(w.stdout, b.String())
	return err
}

// localURL is that of the core on this machine, and what the AWS CLI needs before it in the
// environment. It is empty for a core that listens nowhere, or whose certificate is
// from elsewhere and may not name this machine's own address.
func (o *coreOptions) localURL() (url, environment string) {
	address, err := o.address()
	if err != nil || o.tls.certificate != "" {
		return "", ""
	}
	if address.Addr().IsUnspecified() {
		loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if address.Addr().Is6() {
			loopback = netip.IPv6Loopback()
		}
		address = netip.AddrPortFrom(loopback, address.Port())
	}
	if o.tls.auto {
		return "https://" + address.String(), "AWS_CA_BUNDLE=" + authorityPath(*o) + " "
	}
	return "http://" + address.String(), ""
}

// self is how a person calls this program again, from another directory and as
// the same user.
func self(w world) string {
	name := os.Args[0]
	if path, err := os.Executable(); err == nil && strings.Contains(name, "/") {
		name = path
	}
	if w.env("SUDO_UID") != "" {
		name = "sudo " + name
	}
	return name
}

// proxyNotes warns of a proxy that would get the requests for credentials: boto3
// and Go send even these through it.
func proxyNotes(w world) []string {
	name := doctor.Proxied(w.env)
	if name == "" {
		return nil
	}
	return []string{name + " is set and NO_PROXY does not name 169.254.169.254: boto3 and Go would ask the proxy for credentials. Add it to NO_PROXY."}
}

// baseURL is how clients write an address in a URL.
func baseURL(address netip.AddrPort) string {
	if address.Port() == 80 {
		host := address.Addr().String()
		if address.Addr().Is6() {
			host = "[" + host + "]"
		}
		return "http://" + host
	}
	return "http://" + address.String()
}
