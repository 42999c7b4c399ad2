package link

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
)

// NamespaceID returns the id by which the calling thread's namespace knows another one
// (RTM_GETNSID, ip-netns(8)), -1 where it has none for it: then no device here has its
// peer there.
func NamespaceID(of *os.File) (int, error) {
	id, err := netlink.GetNetNsIdByFd(int(of.Fd()))
	if err != nil {
		return -1, fmt.Errorf("ask for the id of a network namespace: %w", Denied(NetAdmin, err))
	}
	return id, nil
}
