// A program that uses minio-go as its documentation says: it writes an object to the
// S3 server whose address is its first argument, reads it back and prints it, until it
// has used as many access keys as the second argument says, which it prints too.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const text = "written by minio-go"

func main() {
	keys, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	role := credentials.NewIAM("")
	client, err := minio.New(os.Args[1], &minio.Options{Creds: role})
	if err != nil {
		log.Fatal(err)
	}
	for used := map[string]bool{}; len(used) < keys; time.Sleep(200 * time.Millisecond) {
		if err := writeAndRead(client); err != nil {
			log.Fatal(err)
		}
		has, err := role.GetWithContext(nil)
		if err != nil {
			log.Fatal(err)
		}
		if !used[has.AccessKeyID] {
			fmt.Println("key=" + has.AccessKeyID)
		}
		used[has.AccessKeyID] = true
	}
}

func writeAndRead(client *minio.Client) error {
	ctx := context.Background()
	if _, err := client.PutObject(ctx, "bucket", "minio-go", strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{}); err != nil {
		return err
	}
	object, err := client.GetObject(ctx, "bucket", "minio-go", minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	read, err := io.ReadAll(object)
	fmt.Printf("object=%s\n", read)
	return err
}
