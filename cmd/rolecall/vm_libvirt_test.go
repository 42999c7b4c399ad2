package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest/vmtest"
)

const libvirtHook = "../../testdata/vm/libvirt-qemu-hook"

// libvirt calls the hook as libvirt does, with a domain of the given XML.
func (p *process) libvirt(domain, operation, sub string) error {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	// The hook finds rolecall in the path, and rolecall its socket in the usual place.
	rolecall := fmt.Sprintf("#!/bin/sh\n%s=%s exec %q \"$@\" --admin-socket %q\n", roleVariable, roleMain, self, p.path("run/agent.sock"))
	bin := p.t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "rolecall"), []byte(rolecall), 0o700); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.ns.Command(p.t.Context(), libvirtHook, "web", operation, sub, "-")
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(domain)
	out, err := cmd.CombinedOutput()
	p.t.Logf("%s: %s", operation, out)
	return err
}

// TestAGuestOfLibvirtHasARoleWhileItRuns follows a guest through the operations that
// libvirt calls its hook for.
func TestAGuestOfLibvirtHasARoleWhileItRuns(t *testing.T) {
	text, err := os.ReadFile("../../testdata/vm/domain.xml")
	if err != nil {
		t.Fatal(err)
	}
	domain, id := string(text), "i-0123456abcde4f019"
	p := newHouse(t).up()
	vmtest.Tap(t, p.ns, "vnet0")
	call := func(domain, operation, sub string, refused bool) {
		t.Helper()
		if err := p.libvirt(domain, operation, sub); (err != nil) != refused {
			t.Fatalf("the hook for %s %s: %v", operation, sub, err)
		}
	}
	attachment := func() string {
		for _, i := range p.status().Instances {
			if i.ID == id {
				return i.Attachment + " " + i.AccessKeyID[:4]
			}
		}
		return ""
	}
	call(domain, "prepare", "begin", false)
	call(strings.Replace(domain, `profile="default"`, `profile="none"`, 1), "start", "begin", true)
	call(strings.Replace(domain, "rolecall:instance", "rolecall:other", 1), "start", "begin", false)
	if got := attachment(); got != "" {
		t.Errorf("a guest that asks for no role, or for none there is, is served on %q", got)
	}
	for _, operation := range []string{"start", "started", "reconnect"} {
		call(domain, operation, "begin", false)
		if got := attachment(); got != "vnet0 ASIA" {
			t.Errorf("after %s the guest is served as %q, want vnet0 and an access key", operation, got)
		}
	}
	call(domain, "stopped", "end", false)
	call(domain, "release", "end", false)
	if got := attachment(); got != "" {
		t.Errorf("after its release the guest is served on %q", got)
	}
}
