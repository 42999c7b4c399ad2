// Package storetest is what a store of the directory's has to do, as tests that each of
// them runs. [Run] is given a function that opens a store, once more over what is there
// already.
package storetest
