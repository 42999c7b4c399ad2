package tree

import "github.com/rolecall/rolecall/rolestore"

// The instance's tags, where its metadata options let it see them
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html).
const (
	tagDirectory = "meta-data/tags/instance"
	tagsSince    = "2021-03-23"
)

// tags are leaves even where they have no value: a tag is there by its key.
func tags(i rolestore.Instance) []item {
	if i.Options.InstanceMetadataTags != "enabled" {
		return nil
	}
	var items []item
	for key, value := range i.Tags {
		items = append(items, item{name: key, text: value})
	}
	return items
}

// addNoTags has the directory of an instance's tags answer with nothing if there is none
// to tell, although no list names it then, as EC2 does.
func (t *Tree) addNoTags() {
	if t.nodes[tagDirectory] == nil {
		t.nodes[tagDirectory] = &node{since: tagsSince, Node: Node{Directory: true}}
	}
}
