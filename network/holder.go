package network

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Holder is a process that has a socket open.
type Holder struct {
	// PID is the process id; of several that share the socket the lowest, which
	// commonly is the one that started the others.
	PID int
	// Command is the program's name, at most 15 bytes, chosen by the program.
	Command string
}

func newHolder(pid int) Holder {
	comm, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return Holder{PID: pid, Command: strings.TrimSuffix(string(comm), "\n")}
}

// String quotes the name, as any process names itself.
func (h Holder) String() string { return fmt.Sprintf("%q (pid %d)", h.Command, h.PID) }

// holders returns the processes whose listeners exclude one on addr of the
// device. It finds what this process may see: without CAP_SYS_PTRACE those of
// the same user. Errors are not told, as this serves to explain another one.
func holders(device string, addr netip.AddrPort) []Holder {
	bound, err := net.InterfaceByName(device)
	if err != nil {
		return nil
	}
	owners := map[string]int{} // "socket:[inode]" to the lowest pid, 0 while unknown
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		sockets, _ := netlink.SocketDiagTCP(family)
		for _, s := range sockets {
			if excludes(s, bound.Index, addr) {
				owners["socket:["+strconv.FormatUint(uint64(s.INode), 10)+"]"] = 0
			}
		}
	}
	if len(owners) == 0 {
		return nil
	}
	findOwners(owners)
	var found []Holder
	for _, pid := range owners {
		if pid != 0 {
			found = append(found, newHolder(pid))
		}
	}
	slices.SortFunc(found, func(a, b Holder) int { return cmp.Compare(a.PID, b.PID) })
	return slices.Compact(found)
}

// excludes reports whether the kernel refuses a listener on addr of the device
// because of s: same port, same or any address, same or any device.
func excludes(s *netlink.Socket, device int, addr netip.AddrPort) bool {
	source, _ := netip.AddrFromSlice(s.ID.Source)
	source = source.Unmap()
	return s.State == netlink.TCP_LISTEN && s.ID.SourcePort == addr.Port() &&
		(source == addr.Addr() || source.IsUnspecified() || addr.Addr().IsUnspecified()) &&
		(s.ID.Interface == 0 || int(s.ID.Interface) == device)
}

// findOwners fills in who has the sockets open, from the links in /proc/*/fd.
func findOwners(owners map[string]int) {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		target, _ := os.Readlink(fd) // gone meanwhile, or not for us to see
		known, wanted := owners[target]
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if wanted && err == nil && (known == 0 || pid < known) {
			owners[target] = pid
		}
	}
}
