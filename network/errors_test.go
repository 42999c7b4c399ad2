package network_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

func TestATakenPortNamesTheHolder(t *testing.T) {
	for taken, mode := range map[string]network.PortMode{
		"0.0.0.0:80": network.Direct, "[::]:80": network.Direct, "169.254.169.254:80": network.Direct,
		"0.0.0.0:8474": network.Auto, "[::]:8474": network.Rewrite, "169.254.169.254:8474": network.NAT,
	} {
		t.Run(taken, func(t *testing.T) {
			ns := nettest.New(t)
			ns.Run(t, "ip", "addr", "add", "169.254.169.254/32", "dev", "lo") // for the third
			holder, said := start(t, ns, taken)
			if said != "ready" {
				t.Fatal(said)
			}
			err := configured(t, ns, network.Config{Mode: mode}).Put(t.Context(), network.Host("host", false), nil)
			var inUse *network.InUseError
			if !errors.As(err, &inUse) || len(inUse.Holders) != 1 || inUse.Holders[0].PID != holder.Process.Pid {
				t.Fatalf("error %v, want the holder's pid %d", err, holder.Process.Pid)
			}
			port, remedy := "8474", "--port"
			if mode == network.Direct {
				port, remedy = "80", "--listen 127.0.0.1:1338"
			}
			named := fmt.Sprintf(`169.254.169.254:%s is in use by %q (pid %d)`, port, filepath.Base(os.Args[0]), holder.Process.Pid)
			for _, want := range []string{named, "stop it", remedy} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %s", err, want)
				}
			}
		})
	}
}

func TestATakenLoopbackPortHasItsOwnRemedy(t *testing.T) {
	ns := nettest.New(t)
	unbound(t, ns, "127.0.0.1:1338")
	attachment, err := network.Loopback("host", netip.MustParseAddrPort("127.0.0.1:1338"))
	if err != nil {
		t.Fatal(err)
	}
	err = open(t, ns).Put(t.Context(), attachment, nil)
	if err == nil || !strings.Contains(err.Error(), "choose another port with --listen") {
		t.Errorf("error %v, want the remedy", err)
	}
}

func TestAHolderThatCannotBeSeenIsSaidSo(t *testing.T) {
	ns := nettest.New(t)
	unbound(t, ns, "127.0.0.1:1338")
	// Without capabilities the links in /proc/*/fd of this process are hidden.
	_, said := start(t, ns, "loopback", "setpriv", "--bounding-set=-all")
	if !strings.Contains(said, "a process that this user may not see") {
		t.Errorf("it said %q", said)
	}
}

func TestAMissingCapabilityIsNamed(t *testing.T) {
	for capability, c := range map[string]struct{ role, says string }{
		"net_admin":        {"host", "ip addr add 169.254.169.254/32 dev lo"},
		"net_bind_service": {"direct", "listen on 169.254.169.254:80"},
	} {
		t.Run(capability, func(t *testing.T) {
			ns := nettest.New(t)
			fresh := shown(t, ns)
			_, said := start(t, ns, c.role, "setpriv", "--bounding-set=-"+capability)
			for _, want := range []string{c.says, "CAP_" + strings.ToUpper(capability) + " is missing", "--listen 127.0.0.1:1338"} {
				if !strings.Contains(said, want) {
					t.Errorf("it said %q, not %q", said, want)
				}
			}
			if got := shown(t, ns); got != fresh {
				t.Errorf("lo shows\n%swas\n%s", got, fresh)
			}
		})
	}
}

// TestWithoutAPrivilegeTheAddressesOfOthersAreUsed needs CAP_NET_BIND_SERVICE alone, where
// an administrator has put the addresses on lo.
func TestWithoutAPrivilegeTheAddressesOfOthersAreUsed(t *testing.T) {
	ns := nettest.New(t)
	for _, addr := range []string{"169.254.169.254", "fd00:ec2::254"} {
		ns.Run(t, "ip", "addr", "add", addr, "dev", "lo", "nodad")
	}
	if _, said := start(t, ns, "host", "setpriv", "--bounding-set=-net_admin"); said != "ready" {
		t.Errorf("it said %q", said)
	}
	for _, addr := range metadata {
		wantTold(t, ns, addr, "host")
	}
}

func TestADeniedCapabilityThatIsHeldIsToldApart(t *testing.T) {
	ns := nettest.New(t)
	// A new user namespace has all capabilities, but none over this network.
	_, said := start(t, ns, "host", "unshare", "--user", "--map-root-user")
	if !strings.Contains(said, "in spite of CAP_NET_ADMIN") {
		t.Errorf("it said %q", said)
	}
}

func TestLoopbackNeedsNoPrivilege(t *testing.T) {
	ns := nettest.New(t)
	if _, said := start(t, ns, "loopback", "setpriv", "--bounding-set=-all"); said != "ready" {
		t.Errorf("it said %q", said)
	}
}

func TestALoDeviceThatIsDownIsAnError(t *testing.T) {
	ns := nettest.New(t)
	ns.Run(t, "ip", "link", "set", "lo", "down")
	if err := open(t, ns).Put(t.Context(), network.Host("host", true), nil); err == nil || !strings.Contains(err.Error(), "ip link set lo up") {
		t.Errorf("error %v, want the remedy", err)
	}
}
