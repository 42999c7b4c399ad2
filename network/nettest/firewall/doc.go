// Package firewall runs the firewalls that hosts have in a test's network namespace:
// the programs that Debian ships, with their default settings.
//
//	f := firewall.Ufw(t, ns)                               ufw(8), enabled
//	f := firewall.Firewalld(t, ns)                         firewalld(1), and its D-Bus
//	f.Run(t, "ufw", "allow", "22/tcp")                     as an operator would
//	firewall.Docker(t, ns)                                 Docker's rules, a container on port 80
//
// Each sees copies of its settings, in mount and process namespaces of its own, so
// that the machine's firewall is neither read nor changed, and everything ends with
// the test. A test skips, with the reason, where a program is not installed.
package firewall
