// Package treetest is what tests need of metadata trees: a crawl of everything that is
// listed, as Debian's cloud-init makes it (DataSourceEc2, helpers/ec2.py), and instances
// at random to crawl. It takes no part in the program, and may import the vocabulary and
// the tree that it crawls.
package treetest
