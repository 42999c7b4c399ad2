package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/network"
)

func cleanupCommand(w world, d defaults) *cobra.Command {
	var socket string
	command := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove what a killed agent left in the network",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := nobodyAnswers(command.Context(), socket); err != nil {
				return err
			}
			removed, spared, err := network.Cleanup(namespaces...)
			for _, what := range removed {
				_, _ = fmt.Fprintln(w.stdout, "removed:", what)
			}
			for _, what := range spared {
				_, _ = fmt.Fprintln(w.stdout, "left alone:", what)
			}
			if err == nil && len(removed) == 0 {
				_, _ = fmt.Fprintln(w.stdout, "nothing to remove")
			}
			return err
		},
	}
	command.Flags().StringVar(&socket, "admin-socket", d.adminSocket, "`path` of the agent's admin socket, to see that it is gone")
	return command
}

// namespaces are where the network namespaces of containers have names.
var namespaces = []string{"/run/netns/*", "/run/docker/netns/*"}

// nobodyAnswers refuses to clean up under a running agent.
func nobodyAnswers(ctx context.Context, socket string) error {
	for _, at := range network.Host("host", true).Served {
		here, err := network.Here(at.Addr())
		if err != nil {
			return err
		}
		if here && network.Probe(ctx, at) { // what answers elsewhere is a cloud's
			return fmt.Errorf("something answers at %s: if it is an agent, stop it first, and it cleans up by itself", at)
		}
	}
	switch err := answers(ctx, socket); {
	case err == nil:
		return fmt.Errorf("an agent answers on %s: stop it first, and it cleans up by itself", socket)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil
	default:
		return fmt.Errorf("see whether an agent runs: %w", err)
	}
}
