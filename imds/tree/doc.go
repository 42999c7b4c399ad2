// Package tree is the metadata tree of an instance, as data: the paths below
// http://169.254.169.254/ and what each of them answers
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html).
//
//	/                                  the versions, and latest
//	/latest/                           categories, without slashes
//	/latest/meta-data/                 a directory: its children, one a line
//	/latest/meta-data/instance-id      a leaf: its text
//	/2008-02-01/meta-data/...          what existed in that version of the API
//
// Leaves are rows of one table, see rows.go and network.go; directories and listings
// follow from it. What an instance is not told does not exist, nor does a directory without
// a child: cloud-init drops the whole tree if one path that is listed does not
// answer. What changes while the instance runs is not held here: its leaves say by
// [Kind] what the server has to fill in.
//
// A [Tree] is immutable. The package is pure and may import, of this module,
// rolestore and rolestore/identity alone.
package tree
