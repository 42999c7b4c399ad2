package link

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Protocol marks routes, rules and neighbours of ours (RTA_PROTOCOL, FRA_PROTOCOL,
// NDA_PROTOCOL). iproute2's table rt_protos and the kernel's rtnetlink.h leave the
// number free; the kernel itself gives it no meaning.
const Protocol = 84

// dumpAttempts is how often a list is asked for that came out incomplete, as
// something changed meanwhile. Each attempt takes under a millisecond; a host
// that starts containers changes a few addresses a second.
const dumpAttempts = 5

// message is one answer of the kernel.
type message struct {
	header []byte
	attrs  map[uint16][]byte
}

// open returns a socket that asks for strict checks (NETLINK_GET_STRICT_CHK,
// netlink(7), Linux 4.20): only with these does the kernel heed the filter of a dump,
// so that the cost does not grow with what else is there. Callers filter again.
func open() (*nl.NetlinkSocket, error) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	_ = unix.SetsockoptInt(socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	return socket, nil
}

// request sends one message and returns the answers of type answer, whose fixed part
// has the size header.
func request(kind, flags, answer, header int, parts ...nl.NetlinkRequestData) ([]message, error) {
	socket, err := open()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	if flags&unix.NLM_F_DUMP == 0 {
		// The kernel explains its errors (4.12). Not those that end a list: the library
		// looks for the request in front of the explanation, where there is none.
		_ = socket.SetExtAck(true)
	}
	ask := nl.NewNetlinkRequest(kind, flags)
	ask.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	for _, part := range parts {
		ask.AddData(part)
	}
	raw, failure := ask.Execute(unix.NETLINK_ROUTE, uint16(answer))
	messages := make([]message, 0, len(raw))
	for _, r := range raw {
		m, err := parse(r, header)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, failure
}

// glance returns the beginning of a list. The kernel makes no more of it than is
// read.
func glance(kind, answer, header int, parts ...nl.NetlinkRequestData) ([]message, error) {
	socket, err := open()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	ask := nl.NewNetlinkRequest(kind, unix.NLM_F_DUMP)
	for _, part := range parts {
		ask.AddData(part)
	}
	if err := socket.Send(ask); err != nil {
		return nil, err
	}
	raw, _, err := socket.Receive()
	if err != nil {
		return nil, err
	}
	var messages []message
	for _, r := range raw {
		if int(r.Header.Type) != answer {
			continue
		}
		m, err := parse(r.Data, header)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// parse splits a message into its fixed part and its attributes.
func parse(raw []byte, header int) (message, error) {
	if len(raw) < header {
		return message{}, fmt.Errorf("a message of netlink has %d bytes, fewer than its header", len(raw))
	}
	attrs, err := nl.ParseRouteAttr(raw[header:])
	if err != nil {
		return message{}, fmt.Errorf("an attribute in a message of netlink: %w", err)
	}
	m := message{header: raw[:header], attrs: make(map[uint16][]byte, len(attrs))}
	for _, a := range attrs {
		m.attrs[a.Attr.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)] = a.Value
	}
	return m, nil
}

// change sends a message that is answered by success or failure alone.
func change(kind, flags int, parts ...nl.NetlinkRequestData) error {
	_, err := request(kind, flags|unix.NLM_F_ACK, 0, 0, parts...)
	return err
}

// dump returns a complete list. What the filter names and is not there (a table, a
// device) has nothing to list.
func dump(kind, answer, header int, parts ...nl.NetlinkRequestData) (found []message, err error) {
	for range dumpAttempts {
		found, err = request(kind, unix.NLM_F_DUMP, answer, header, parts...)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	return found, err
}

// number is an attribute of 32 bits, 0 if absent.
func (m message) number(attr uint16) uint32 {
	if value := m.attrs[attr]; len(value) >= 4 {
		return nl.NativeEndian().Uint32(value)
	}
	return 0
}

// text is an attribute that is a string, with or without a final NUL.
func (m message) text(attr uint16) string { return unix.ByteSliceToString(m.attrs[attr]) }

// addr is an attribute that is an IP address, invalid if absent.
func (m message) addr(attr uint16) netip.Addr {
	addr, _ := netip.AddrFromSlice(m.attrs[attr])
	return addr
}
