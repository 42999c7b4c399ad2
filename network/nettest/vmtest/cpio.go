package vmtest

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
)

// File is a file or a directory of an initramfs, at an absolute path.
type File struct {
	Path string
	Mode fs.FileMode
	Data []byte
}

// archive returns files as the kernel unpacks them at boot
// (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html), with the
// directories that they lie in.
func archive(files []File) []byte {
	var b bytes.Buffer
	made := map[string]bool{"/": true}
	var directory func(name string)
	directory = func(name string) {
		if !made[name] {
			made[name] = true
			directory(path.Dir(name))
			entry(&b, name, 0o040755, nil)
		}
	}
	for _, f := range files {
		if f.Mode.IsDir() {
			directory(f.Path)
			continue
		}
		directory(path.Dir(f.Path))
		entry(&b, f.Path, 0o100000|uint32(f.Mode.Perm()), f.Data)
	}
	entry(&b, "/TRAILER!!!", 0, nil)
	return b.Bytes()
}

// entry appends one member: a header of 13 numbers, the name and the data, both
// filled up to a multiple of four bytes.
func entry(b *bytes.Buffer, name string, mode uint32, data []byte) {
	name = name[1:] + "\x00"
	b.WriteString("070701")
	for _, n := range []int{0, int(mode), 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0} {
		_, _ = fmt.Fprintf(b, "%08x", n)
	}
	b.WriteString(name)
	fill(b)
	b.Write(data)
	fill(b)
}

func fill(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}
