// Package nettest gives tests of this repository network namespaces of their
// own (https://man7.org/linux/man-pages/man7/network_namespaces.7.html), so
// that addresses, sysctls and listeners on port 80 are real and disturb nobody.
//
//	ns := nettest.New(t)                                   lo is up, nothing else
//	ns.Do(func() { net.Listen("tcp", "127.0.0.1:80") })    this thread, inside
//	ns.Command(t.Context(), "curl", url).Output()          a program, inside
//	nettest.Veth(t, nettest.End{...}, nettest.End{...})    a cable to another one
//
// A namespace has no name and no mount: descriptors of the test process hold
// it. So tests that run side by side cannot clash, and a test that is killed
// leaves nothing behind. A socket opened inside keeps the namespace alive too;
// tests close theirs.
//
// Everything here needs root, and [New] skips the test without it, saying so.
// Nothing here may import another room of the module.
package nettest
