package directory

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/rolestore/seal"
)

// sizes of directories, in roles; every 100 are of one account.
var sizes = []int{1_000, 100_000}

// filled is the place of a directory of so many roles, no two of which are the same.
func filled(b *testing.B, roles int) Config {
	b.Helper()
	dir := b.TempDir()
	keyring, err := seal.Create(filepath.Join(dir, "keys"))
	if err != nil {
		b.Fatal(err)
	}
	c := Config{Path: filepath.Join(dir, "core.db"), Keyring: keyring}
	d, err := Open(c)
	if err != nil {
		b.Fatal(err)
	}
	want := Definitions{At: noon}
	for n := range roles {
		if n%100 == 0 {
			want.Accounts = append(want.Accounts, AccountDefinition{ID: fmt.Sprintf("%012d", 1+n/100)})
		}
		a := &want.Accounts[len(want.Accounts)-1]
		name := fmt.Sprintf("role-%d", n)
		a.Roles = append(a.Roles, RoleDefinition{Name: name, AssumeRolePolicyDocument: []byte(trustEC2), Policies: map[string][]byte{"own": []byte(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::` + name + `","arn:aws:s3:::` + name + `/*"]}]}`)}})
	}
	if _, err := d.Reconcile(want, false); err != nil {
		b.Fatal(err)
	}
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
	return c
}

// processorTime is what this process has used of all processors: on a machine that others
// use too, the time of the clock says little.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func roleARN(n int) string {
	return arn(fmt.Sprintf("%012d", 1+n/100), "role", "/", fmt.Sprintf("role-%d", n))
}

// BenchmarkStart opens a directory that is there, with all that it checks.
func BenchmarkStart(b *testing.B) {
	eachSize(b, func(b *testing.B, c Config, _ int) {
		before := processorTime(b)
		for b.Loop() {
			d, err := Open(c)
			if err != nil {
				b.Fatal(err)
			}
			_ = d.Close()
		}
		b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
	})
}

// BenchmarkLookup finds roles, of which each has been asked for before.
func BenchmarkLookup(b *testing.B) {
	eachSize(b, func(b *testing.B, c Config, roles int) {
		d, err := Open(c)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		arns := make([]string, roles)
		for n := range roles {
			arns[n] = roleARN(n)
			_ = d.Snapshot().Role(arns[n])
		}
		for n := 0; b.Loop(); n++ {
			if d.Snapshot().Role(arns[n%roles]) == nil {
				b.Fatal("a role is not there")
			}
		}
	})
}

// BenchmarkWrite changes one role, durably.
func BenchmarkWrite(b *testing.B) {
	eachSize(b, func(b *testing.B, c Config, roles int) {
		d, err := Open(c)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		if err := d.CreateRole("000000000001", RoleDefinition{Name: "written", AssumeRolePolicyDocument: []byte(trustEC2)}, noon); err != nil && !errors.Is(err, ErrExists) {
			b.Fatal(err)
		}
		for n := 0; b.Loop(); n++ {
			r := d.Snapshot().RoleByName("000000000001", "written")
			if err := d.ChangeRole(r, func(_ *Snapshot, def *RoleDefinition) error { def.Description = fmt.Sprint(n); return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func eachSize(b *testing.B, run func(b *testing.B, c Config, roles int)) {
	for _, roles := range sizes {
		c := filled(b, roles)
		b.Run(fmt.Sprint(roles), func(b *testing.B) { run(b, c, roles) })
	}
}
