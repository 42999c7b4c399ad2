package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// An instance's file, YAML or JSON: admin.Document, with the names that it has on the
// wire.
type (
	fileInstance struct {
		InstanceID string              `yaml:"instance_id"`
		Profile    fileInstanceProfile `yaml:"iam_instance_profile"`
		Attachment fileAttachment      `yaml:"attachment"`
		Options    fileOptions         `yaml:"metadata_options"`
		Placement  filePlacement       `yaml:"placement"`
		Launch     fileLaunch          `yaml:",inline"`
		Containers fileContainers      `yaml:"container_credentials"`
		UserData   string              `yaml:"user_data"`
		Base64     string              `yaml:"user_data_base64"`
	}
	// fileInstanceProfile is a name, an ARN, or the profile itself.
	fileInstanceProfile struct {
		reference string
		full      fileFullProfile
	}
	fileFullProfile struct {
		ARN  string  `yaml:"arn"`
		ID   string  `yaml:"id"`
		Role fileARN `yaml:"role"`
	}
	fileARN struct {
		ARN string `yaml:"arn"`
	}
	fileAttachment struct {
		Host        bool   `yaml:"host"`
		Interface   string `yaml:"interface"`
		Netns       string `yaml:"netns"`
		Bridge      string `yaml:"bridge"`
		Port        string `yaml:"port"`
		Address     string `yaml:"address"`
		IPv6Address string `yaml:"ipv6_address"`
		MAC         string `yaml:"mac"`
		Reattach    string `yaml:"reattach"`
	}
	fileOptions struct {
		HTTPEndpoint            string `yaml:"http_endpoint"`
		HTTPTokens              string `yaml:"http_tokens"`
		HTTPPutResponseHopLimit int    `yaml:"http_put_response_hop_limit"`
		HTTPProtocolIPv6        string `yaml:"http_protocol_ipv6"`
		InstanceMetadataTags    string `yaml:"instance_metadata_tags"`
	}
	fileContainers struct {
		Task string   `yaml:"task"`
		Pod  filePod  `yaml:"pod"`
		Node fileNode `yaml:"node"`
	}
	fileNode struct {
		ClusterName string `yaml:"cluster_name"`
		NodeName    string `yaml:"node_name"`
	}
	filePod struct {
		ClusterName    string `yaml:"cluster_name"`
		Namespace      string `yaml:"namespace"`
		ServiceAccount string `yaml:"service_account"`
		Name           string `yaml:"name"`
		UID            string `yaml:"uid"`
		SessionTags    string `yaml:"session_tags"`
	}
	filePlacement struct {
		Region             string `yaml:"region"`
		AvailabilityZone   string `yaml:"availability_zone"`
		AvailabilityZoneID string `yaml:"availability_zone_id"`
		GroupName          string `yaml:"group_name"`
		PartitionNumber    int    `yaml:"partition_number"`
		HostID             string `yaml:"host_id"`
	}
)

// UnmarshalYAML takes a string or a mapping. This form of the method, not that with a
// [yaml.Node], goes on refusing unknown keys.
func (p *fileInstanceProfile) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&p.reference) == nil {
		return nil
	}
	return unmarshal(&p.full)
}

// readInstance reads an instance's file. Everything that an agent of any region would
// refuse is refused here, with the name of the file.
func readInstance(path string) (admin.Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return admin.Document{}, fmt.Errorf("read instance: %w", err)
	}
	return parseInstance(path, text)
}

// parseInstance is readInstance of a text that came from name.
func parseInstance(name string, text []byte) (admin.Document, error) {
	var f fileInstance
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
		return admin.Document{}, fmt.Errorf("%s: there is no instance in it", name)
	} else if err != nil {
		return admin.Document{}, located(name, err)
	} else if err := wholeNumbers(name, text, f); err != nil {
		return admin.Document{}, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return admin.Document{}, fmt.Errorf("%s: there is a second document after ---: a file holds one instance", name)
	}
	d := f.document()
	if err := d.Validate(); err != nil {
		return admin.Document{}, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

func (f fileInstance) document() admin.Document {
	return admin.Document{
		InstanceID: f.InstanceID,
		Profile: admin.Profile{
			Reference: f.Profile.reference,
			Full: rolestore.InstanceProfile{
				ARN: f.Profile.full.ARN, ID: f.Profile.full.ID, Role: rolestore.Role(f.Profile.full.Role),
			},
		},
		Attachment: rolestore.Attachment(f.Attachment),
		Options:    rolestore.MetadataOptions(f.Options),
		Placement:  rolestore.Placement(f.Placement),
		Launch:     f.Launch.launch(),
		Containers: rolestore.ContainerCredentials{Task: f.Containers.Task, Pod: rolestore.Pod(f.Containers.Pod), Node: rolestore.Node(f.Containers.Node)},
		UserData:   f.UserData, UserDataBase64: f.Base64,
	}
}
