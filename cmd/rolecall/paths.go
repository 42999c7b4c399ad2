package main

import (
	"os"
	"path/filepath"
)

// defaults are where things lie when nobody says otherwise.
type defaults struct {
	stateDir     string // the three databases and the socket between the halves
	keys         string // the file of sealing keys
	adminSocket  string
	coreSocket   string
	agentConfig  string
	coreConfig   string
	instancesDir string // files that define instances
	clustersFile string // the clusters that issue tokens to pods
}

// defaultsFor returns the system's places for root and, since `up --listen` needs
// no privilege, those of the XDG Base Directory Specification for everybody else.
func defaultsFor(uid int, env func(string) string) defaults {
	state, config, run := "/var/lib/rolecall", "/etc/rolecall", system
	if uid != 0 {
		home := or(env("HOME"), "/nonexistent") // and never the directory that we happen to be in
		state = filepath.Join(or(env("XDG_STATE_HOME"), filepath.Join(home, ".local/state")), "rolecall")
		config = filepath.Join(or(env("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "rolecall")
		run = state
		if dir := env("XDG_RUNTIME_DIR"); dir != "" {
			run = filepath.Join(dir, "rolecall")
		}
	}
	d := defaults{
		stateDir:     state,
		keys:         filepath.Join(config, "keys"),
		adminSocket:  filepath.Join(run, "agent.sock"),
		coreSocket:   filepath.Join(run, "core.sock"),
		agentConfig:  filepath.Join(config, "agent.yaml"),
		coreConfig:   filepath.Join(config, "core.yaml"),
		instancesDir: filepath.Join(config, "instances.d"),
		clustersFile: filepath.Join(config, "clusters.yaml"),
	}
	// What systemd hands over as a credential is tied to the machine's TPM where
	// there is one, and wins over a file.
	if dir := env("CREDENTIALS_DIRECTORY"); dir != "" {
		if credential := filepath.Join(dir, "rolecall.keys"); exists(credential) {
			d.keys = credential
		}
	}
	return d
}

// system is where the sockets of the system's agent and core are.
const system = "/run/rolecall"

// served is the socket that a client should try: its user's own, or else that of
// the system, which members of the group may open.
func served(own string) string {
	if shared := filepath.Join(system, filepath.Base(own)); !exists(own) && exists(shared) {
		return shared
	}
	return own
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
