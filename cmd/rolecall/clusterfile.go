package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/rolecall/rolecall/rolestore"
)

// fileClusters is the file of clusters: of which Kubernetes clusters tokens are known.
type fileClusters struct {
	Clusters []fileCluster `yaml:"clusters"`
}

type fileCluster struct {
	Name         string            `yaml:"cluster_name"`
	Issuer       string            `yaml:"issuer"`
	JWKSFile     string            `yaml:"jwks_file"`
	JWKSURL      string            `yaml:"jwks_url"`
	CAFile       string            `yaml:"ca_file"`
	ARN          string            `yaml:"arn"`
	Associations []fileAssociation `yaml:"pod_identity_associations"`
}

// fileAssociation is which role the pods of a service account have on nodes of the
// cluster, as CreatePodIdentityAssociation says it
// (https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html),
// but by an instance profile, as that is what hosts are granted.
type fileAssociation struct {
	Namespace      string `yaml:"namespace"`
	ServiceAccount string `yaml:"service_account"`
	Profile        string `yaml:"iam_instance_profile"`
	SessionTags    string `yaml:"session_tags"`
}

func openClusters(a *agentHalf, path string, optional bool) (*clusters, error) {
	c := &clusters{agent: a, path: path, stale: make(chan struct{}, 1)}
	var err error
	c.byName, err = c.readFile(optional)
	return c, err
}

// readFile returns the clusters of the file by their names. One whose key set is where
// it was goes on with the keys that are known of it.
func (c *clusters) readFile(optional bool) (map[string]*cluster, error) {
	var file fileClusters
	if err := readFile(c.path, optional, &file); err != nil {
		return nil, err
	}
	found := map[string]*cluster{}
	for n, f := range file.Clusters {
		one, err := f.open()
		if err == nil && found[f.Name] != nil {
			err = errors.New("is there twice: leave one out")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: cluster %q: %w", c.at("clusters", n), f.Name, err)
		}
		for m := range f.Associations {
			if err := f.checkAssociation(m); err != nil {
				return nil, fmt.Errorf("%s: cluster %q: pod_identity_associations: %w", c.at("clusters", n, "pod_identity_associations", m), f.Name, err)
			}
		}
		if old := c.named(f.Name); old != nil && old.JWKSFile == f.JWKSFile && old.JWKSURL == f.JWKSURL && old.CAFile == f.CAFile {
			old.mu.Lock()
			one.keys = old.keys
			old.mu.Unlock()
		}
		if f.JWKSFile != "" { // at hand, so that the first token is known already
			c.load(context.Background(), one)
		}
		found[f.Name] = one
	}
	return found, nil
}

// checkAssociation reports what is wrong with one of the cluster's associations.
func (f fileCluster) checkAssociation(n int) error {
	one := f.Associations[n]
	if err := rolestore.CheckServiceAccount(one.Namespace, one.ServiceAccount, one.SessionTags); err != nil {
		return err
	}
	if one.Profile == "" {
		return errors.New("want an iam_instance_profile, whose role the pods of the service account have")
	}
	for _, before := range f.Associations[:n] {
		if before.Namespace == one.Namespace && before.ServiceAccount == one.ServiceAccount {
			return fmt.Errorf("service account %s of namespace %s is there twice: it has one role", one.ServiceAccount, one.Namespace)
		}
	}
	return nil
}

// at is the file, and the line of what is there by this way through keys and lists.
func (c *clusters) at(way ...any) string {
	text, _ := os.ReadFile(c.path) // which has just been read
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil || len(document.Content) == 0 {
		return c.path
	}
	n := document.Content[0]
	for _, step := range way {
		switch step := step.(type) {
		case string:
			n = under(n, step)
		case int:
			if step >= len(members(n)) {
				return c.path
			}
			n = behind(members(n)[step])
		}
	}
	return fmt.Sprintf("%s:%d", c.path, n.Line)
}

// watch follows the file. One that cannot be used changes nothing, and `status` shows why.
func (c *clusters) watch(ctx context.Context) error {
	return follow(ctx, c.path, c.agent.logger, func() { c.reload(ctx) })
}

// reload brings the clusters in line with the file.
func (c *clusters) reload(ctx context.Context) {
	found, err := c.readFile(false)
	_, missing := os.Stat(c.path)
	gone := errors.Is(missing, fs.ErrNotExist)
	c.mu.Lock()
	switch {
	case gone && len(c.byName) == 0:
		err = nil // nor was it there before
	case gone: // as while an editor writes it
		err = fmt.Errorf("%s is gone: for no cluster at all, have it say clusters: []", c.path)
	case err == nil:
		c.byName = found
	}
	news := err != nil && (c.fault == nil || c.fault.Error() != err.Error())
	c.fault = err
	c.mu.Unlock()
	if news {
		c.agent.logger.Error("the file of clusters changes nothing", "file", c.path, "err", err)
	}
	if err == nil && !gone {
		c.poke() // for the key sets that are not known yet
		c.agent.pods.poke()
		c.agent.files.load(ctx) // of which one may name a cluster that was not known
	}
}

// association is which role the pods have of the account that pod is of, in the cluster
// of that name.
func (c *clusters) association(name string, pod rolestore.Pod) (fileAssociation, bool) {
	if one := c.named(name); one != nil {
		for _, a := range one.Associations {
			if a.Namespace == pod.Namespace && a.ServiceAccount == pod.ServiceAccount {
				return a, true
			}
		}
	}
	return fileAssociation{}, false
}
