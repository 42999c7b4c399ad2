package steer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The library tells the kernel of one device of a chain, and reads none back. So what
// is about several is said here in the kernel's own words (linux/netfilter/nf_tables.h;
// golang.org/x/sys lacks these two, NFTA_HOOK_DEVS and NFTA_DEVICE_NAME).
const (
	hookDevices = 4
	hookDevice  = 1
)

// hooked is a chain of [deviceTable] and the devices that it is hooked to.
type hooked struct {
	name    string
	devices []string
	rules   uint32
}

// hookedBy returns the chains of these names, as far as they are there.
func hookedBy(names []string) (map[string]hooked, error) {
	found := map[string]hooked{}
	err := converse(func(socket *netlink.Conn) error {
		for _, name := range names {
			get, err := aboutChain(unix.NFT_MSG_GETCHAIN, 0, name, nil)
			if err != nil {
				return err
			}
			answers, err := socket.Execute(get)
			if errors.Is(err, unix.ENOENT) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read the nftables chain %s: %w", name, err)
			}
			for _, answer := range answers {
				if found[name], _, err = readHooked(answer); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return found, err
}

// listAttempts bounds how often a list is asked for that others' changes cut short.
const listAttempts = 10

// errInterrupted is a list that others changed while the kernel told it: some of it may be
// missing.
var errInterrupted = errors.New("others change chains all the time")

// allHooked returns all such chains.
func allHooked() (found []hooked, err error) {
	return found, converse(func(socket *netlink.Conn) error {
		answers, err := wholeList(func() ([]netlink.Message, error) {
			return socket.Execute(about(unix.NFT_MSG_GETCHAIN, netlink.Dump, nil))
		})
		if err != nil {
			return fmt.Errorf("list the devices that refuse: %w", err)
		}
		for _, answer := range answers {
			h, ours, err := readHooked(answer)
			if err != nil {
				return err
			}
			if ours {
				found = append(found, h)
			}
		}
		return nil
	})
}

// wholeList asks until nothing is said to be interrupted.
func wholeList(ask func() ([]netlink.Message, error)) ([]netlink.Message, error) {
	for range listAttempts {
		answers, err := ask()
		if err != nil || !slices.ContainsFunc(answers, interrupted) {
			return answers, err
		}
	}
	return nil, errInterrupted
}

func interrupted(m netlink.Message) bool { return m.Header.Flags&netlink.DumpInterrupted != 0 }

// readHooked reports whether what a message tells of is one of ours with a hook.
func readHooked(m netlink.Message) (h hooked, ours bool, err error) {
	if len(m.Data) < headerSize {
		return h, false, errors.New("a message about a chain has no header")
	}
	attributes, err := netlink.NewAttributeDecoder(m.Data[headerSize:])
	if err != nil {
		return h, false, err
	}
	attributes.ByteOrder = binary.BigEndian
	var table string
	var one, several []string
	hook := false
	for attributes.Next() {
		switch attributes.Type() {
		case unix.NFTA_CHAIN_TABLE:
			table = attributes.String()
		case unix.NFTA_CHAIN_NAME:
			h.name = attributes.String()
		case unix.NFTA_CHAIN_USE: // nobody jumps to a chain with a hook
			h.rules = attributes.Uint32()
		case unix.NFTA_CHAIN_HOOK:
			hook = true
			attributes.Nested(func(a *netlink.AttributeDecoder) error {
				for a.Next() {
					switch a.Type() {
					case unix.NFTA_HOOK_DEV:
						one = []string{a.String()}
					case hookDevices:
						a.Nested(func(d *netlink.AttributeDecoder) error {
							for d.Next() {
								several = append(several, d.String())
							}
							return nil
						})
					}
				}
				return nil
			})
		}
	}
	if h.devices = several; len(several) == 0 { // as before Linux 5.5
		h.devices = one
	}
	return h, table == tableName && hook, attributes.Err()
}

// dropChain are the messages that take a chain away with its rules.
func dropChain(name string) ([]netlink.Message, error) {
	rules, err := encode(func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_RULE_TABLE, tableName)
		e.String(unix.NFTA_RULE_CHAIN, name)
	})
	if err != nil {
		return nil, err
	}
	chain, err := aboutChain(unix.NFT_MSG_DELCHAIN, netlink.Acknowledge, name, nil)
	return []netlink.Message{about(unix.NFT_MSG_DELRULE, netlink.Acknowledge, rules), chain}, err
}

// dropDevices are the messages that take devices from a chain.
func dropDevices(chain string, devices []string) ([]netlink.Message, error) {
	drop, err := aboutChain(unix.NFT_MSG_DELCHAIN, netlink.Acknowledge, chain, func(e *netlink.AttributeEncoder) {
		e.Nested(unix.NFTA_CHAIN_HOOK, func(hook *netlink.AttributeEncoder) error {
			hook.ByteOrder = binary.BigEndian
			hook.Uint32(unix.NFTA_HOOK_HOOKNUM, unix.NF_NETDEV_INGRESS)
			hook.Uint32(unix.NFTA_HOOK_PRIORITY, uint32(*nftables.ChainPriorityFilter))
			hook.Nested(hookDevices, func(list *netlink.AttributeEncoder) error {
				for _, device := range devices {
					list.String(hookDevice, device)
				}
				return nil
			})
			return nil
		})
	})
	return []netlink.Message{drop}, err
}

// aboutChain is a message about a chain of [deviceTable].
func aboutChain(kind int, flags netlink.HeaderFlags, name string, more func(*netlink.AttributeEncoder)) (netlink.Message, error) {
	attributes, err := encode(func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_CHAIN_TABLE, tableName)
		e.String(unix.NFTA_CHAIN_NAME, name)
		if more != nil {
			more(e)
		}
	})
	return about(kind, flags, attributes), err
}

func encode(attributes func(*netlink.AttributeEncoder)) ([]byte, error) {
	e := netlink.NewAttributeEncoder()
	attributes(e)
	return e.Encode()
}

// headerSize is that of nfgenmsg (linux/netfilter/nfnetlink.h): the family, a version
// and, in network order, what a batch is for.
const headerSize = 4

// about is a message of nf_tables about the family netdev.
func about(kind int, flags netlink.HeaderFlags, attributes []byte) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind), Flags: netlink.Request | flags},
		Data:   append([]byte{unix.NFPROTO_NETDEV, unix.NFNETLINK_V0, 0, 0}, attributes...),
	}
}

// commit makes the changes of messages, which ask to be acknowledged: all, or none.
func commit(changes []netlink.Message) error {
	if len(changes) == 0 {
		return nil
	}
	edge := func(kind netlink.HeaderType) netlink.Message {
		return netlink.Message{
			Header: netlink.Header{Type: kind, Flags: netlink.Request},
			Data:   []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES},
		}
	}
	messages := append([]netlink.Message{edge(unix.NFNL_MSG_BATCH_BEGIN)}, changes...)
	messages = append(messages, edge(unix.NFNL_MSG_BATCH_END))
	return converse(func(socket *netlink.Conn) error {
		if _, err := socket.SendMessages(messages); err != nil {
			return err
		}
		for range changes {
			if _, err := socket.Receive(); err != nil {
				return err
			}
		}
		return nil
	})
}

// converse has a socket of nf_tables for what the library does not say.
func converse(with func(*netlink.Conn) error) error {
	var socket *netlink.Conn
	_, done, err := dial(func(s *netlink.Conn) error {
		socket = s
		return errors.Join(s.SetReadBuffer(socketBuffer), s.SetWriteBuffer(socketBuffer))
	})
	if err != nil {
		return err
	}
	defer done()
	return explain(with(socket))
}
