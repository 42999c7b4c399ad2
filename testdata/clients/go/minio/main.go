// A program that uses minio-go as its documentation says: it writes an object to the
// S3 server whose address is its argument, reads it back and prints it.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	ctx := context.Background()
	client, err := minio.New(os.Args[1], &minio.Options{Creds: credentials.NewIAM("")})
	if err != nil {
		log.Fatal(err)
	}
	const text = "written by minio-go"
	if _, err := client.PutObject(ctx, "bucket", "minio-go", strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{}); err != nil {
		log.Fatal(err)
	}
	object, err := client.GetObject(ctx, "bucket", "minio-go", minio.GetObjectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	read, err := io.ReadAll(object)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("object=" + string(read))
}
