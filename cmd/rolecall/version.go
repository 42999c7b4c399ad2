package main

import (
	"cmp"
	"runtime/debug"
)

// version is stamped by the linker: -X main.version=...
var version string

// buildVersion is the stamped version, or what the Go tool recorded of the build.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(version, "unknown")
	}
	return cmp.Or(version, info.Main.Version)
}
