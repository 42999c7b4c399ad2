package verdict

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LegacyTable is a table of iptables without nf_tables. What its rules do is not
// looked at.
type LegacyTable struct {
	// Program is iptables-legacy or ip6tables-legacy.
	Program string
	// Table is such as filter.
	Table string
}

// Legacy returns those of the calling thread's network namespace that have rules, or
// a policy that drops. It needs CAP_NET_ADMIN.
func Legacy() ([]LegacyTable, error) {
	var found []LegacyTable
	for _, version := range []struct {
		names, program       string
		family, level, since int
	}{
		{"/proc/thread-self/net/ip_tables_names", "iptables-legacy", unix.AF_INET, unix.IPPROTO_IP, 112},
		{"/proc/thread-self/net/ip6_tables_names", "ip6tables-legacy", unix.AF_INET6, unix.IPPROTO_IPV6, 168},
	} {
		names, err := os.ReadFile(version.names)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the kernel module is not there
		}
		if err != nil {
			return nil, fmt.Errorf("find the tables of %s: %w", version.program, err)
		}
		for name := range strings.FieldsSeq(string(names)) {
			idle, err := isIdle(version.family, version.level, name, version.since)
			if err != nil {
				return nil, fmt.Errorf("read table %s of %s: %w", name, version.program, err)
			}
			if !idle {
				found = append(found, LegacyTable{version.program, name})
			}
		}
	}
	return found, nil
}

const (
	// getInfo and getEntries are IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES, the same for
	// IPv6 (linux/netfilter_ipv4/ip_tables.h).
	getInfo, getEntries = 64, 65

	nameLen  = 32 // XT_TABLE_MAXNAMELEN
	hooks    = 5  // NF_INET_NUMHOOKS
	infoLen  = nameLen + 4*(1+2*hooks+2)
	entryLen = 40 // of struct ipt_get_entries, before the entries
)

// isIdle reports whether a table lets everything pass: it has an entry for the policy
// of each hook, which accepts, one for errors at the end, and no other. An entry's
// target lies behind the entry itself, which has a size of its own in each version.
func isIdle(family, level int, table string, size int) (bool, error) {
	socket, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return false, err
	}
	defer func() { _ = unix.Close(socket) }()
	info := make([]byte, infoLen)
	copy(info, table)
	if err := getsockopt(socket, level, getInfo, info); err != nil {
		return false, err
	}
	word := func(i int) int { return int(binary.NativeEndian.Uint32(info[nameLen+4*i:])) }
	valid, count, length := word(0), word(1+2*hooks), word(2+2*hooks)
	entries := make([]byte, entryLen+length)
	copy(entries, table)
	binary.NativeEndian.PutUint32(entries[nameLen:], uint32(length))
	if err := getsockopt(socket, level, getEntries, entries); err != nil {
		return false, err
	}
	policies := 0
	for hook := range hooks {
		if valid&(1<<hook) == 0 {
			continue
		}
		policies++
		const accept, targetLen = -1 - 1, 32 // -NF_ACCEPT - 1; struct xt_entry_target, before the verdict
		at := entryLen + word(1+hooks+hook) + size + targetLen
		if at+4 > len(entries) || int32(binary.NativeEndian.Uint32(entries[at:])) != accept {
			return false, nil
		}
	}
	return count == policies+1, nil
}

func getsockopt(socket, level, option int, data []byte) error {
	length := uint32(len(data))
	_, _, err := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(socket), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&data[0])), uintptr(unsafe.Pointer(&length)), 0)
	if err != 0 {
		return err
	}
	return nil
}
