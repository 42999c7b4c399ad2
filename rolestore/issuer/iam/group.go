package iam

import (
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

func showGroup(g *directory.Group) query.Element {
	return structure("Group", said("Path", g.Path), said("GroupName", g.Name), said("GroupId", g.UniqueID), said("Arn", g.ARN()),
		instant("CreateDate", g.Created))
}
