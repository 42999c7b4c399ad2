package tree

import (
	"slices"
	"strings"
)

// Latest is the version in which everything exists. It sorts after all dates.
const Latest = "latest"

// versions are those that EC2 lists, in its order, which is that of strings.
var versions = []string{
	"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
	"2008-02-01", "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12",
	"2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
	"2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
	"2021-03-23", Latest,
}

// versionList is what / answers.
var versionList = []byte(strings.Join(versions, "\n"))

// IsVersion reports whether EC2 lists a version of this name, [Latest] included.
func IsVersion(name string) bool {
	_, found := slices.BinarySearch(versions, name)
	return found
}

// Split cuts a path into its version and the rest. Both come without slashes
// around them, and with single ones between: EC2 answers meta-data//iam as it
// answers meta-data/iam, and every path alike with a final slash and without.
func Split(path string) (version, rest string) {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	version, rest, _ = strings.Cut(strings.Trim(path, "/"), "/")
	return version, rest
}
