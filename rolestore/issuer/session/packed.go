package session

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"sync"
)

const (
	// maxPacked bounds, in bytes, what session policies and tags take up in a token,
	// compressed: with the longest of all other claims it stays under maxIssued.
	maxPacked = 1200

	// maxUnpacked bounds what a token is unpacked to, in bytes. The model's bounds let
	// through less, and no token that we sealed has more.
	maxUnpacked = 256 << 10
)

// TooLargeError is returned for session policies and tags that do not fit into a
// token.
type TooLargeError struct {
	// Percent is how much of the space they would take, over 100.
	Percent int
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("session policies and tags take %d%% of the space for them", e.Percent)
}

// PackedSize is how much of the space for session policies and tags is taken, in
// percent. What is there takes at least one.
func (c *Claims) PackedSize() int {
	return percent(c.pack())
}

func percent(packed []byte) int { return (len(packed)*100 + maxPacked - 1) / maxPacked }

// dictionary is what policies are likely to say, the likeliest last. It is part of
// the token's format: another one needs another tokenVersion.
const dictionary = `"NotPrincipal""NotAction":"NotResource":"Null":"Bool":{"aws:MultiFactorAuthPresent":"true"}"ForAnyValue:StringEquals"StringLike":"IpAddress":` +
	`{"aws:SourceIp":"StringNotEquals":{"aws:PrincipalTag/"aws:RequestedRegion":"aws:ResourceTag/"Condition":{"StringEquals":{"kms:Decrypt","dynamodb:` +
	`"logs:CreateLogGroup","logs:PutLogEvents""sqs:SendMessage""ec2:Describe*""iam:Get*","iam:List*""sts:AssumeRole""s3:DeleteObject","s3:PutObject",` +
	`"s3:GetObject","s3:ListBucket","s3:*"arn:aws:dynamodb:arn:aws:sqs:arn:aws:kms:arn:aws:iam::arn:aws:iam::aws:policy/arn:aws:s3:::` +
	`Department Project Environment CostCenter Team Name Owner{ "Version": "2012-10-17", "Statement": [ { "Sid": "` +
	`{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Deny","Effect":"Allow","Action":["*"],"Resource":["*"]}]}`

// packers keep their tables, which are far larger than what they pack.
var packers = sync.Pool{New: func() any {
	w, _ := flate.NewWriterDict(nil, flate.BestCompression, []byte(dictionary)) // fails for another level only
	return w
}}

var unpackers = sync.Pool{New: func() any { return flate.NewReaderDict(strings.NewReader(""), []byte(dictionary)) }}

// pack returns what narrows or marks the session, compressed; nothing for nothing.
func (c *Claims) pack() []byte {
	var plain []byte
	if c.Policy != "" {
		plain = appendField(plain, tagPolicy, c.Policy)
	}
	for _, arn := range c.PolicyARNs {
		plain = appendField(plain, tagPolicyARN, arn)
	}
	for _, t := range c.Tags {
		tag := uint64(tagTag)
		if t.Transitive {
			tag = tagTransitiveTag
		}
		plain = appendField(plain, tag, pair(t.Key, t.Value))
	}
	if plain == nil {
		return nil
	}
	return deflate(plain)
}

func deflate(plain []byte) []byte {
	var packed bytes.Buffer
	w, _ := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	_, _ = w.Write(plain) // a buffer takes all
	_ = w.Close()
	return packed.Bytes()
}

func inflate(packed string) ([]byte, error) {
	r, _ := unpackers.Get().(io.ReadCloser)
	defer unpackers.Put(r)
	if err := r.(flate.Resetter).Reset(strings.NewReader(packed), []byte(dictionary)); err != nil {
		return nil, errClaims
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil || len(plain) > maxUnpacked {
		return nil, errClaims
	}
	return plain, nil
}

func (c *Claims) unpack(packed string) error {
	plain, err := inflate(packed)
	if err != nil {
		return err
	}
	return eachField(plain, func(tag uint64, value string) (err error) {
		switch tag {
		case tagPolicy:
			c.Policy = value
		case tagPolicyARN:
			c.PolicyARNs = append(c.PolicyARNs, value)
		case tagTag, tagTransitiveTag:
			t := Tag{Transitive: tag == tagTransitiveTag}
			t.Key, t.Value, err = parsePair(value)
			c.Tags = append(c.Tags, t)
		default:
			return fmt.Errorf("%w: packed tag %d", errClaims, tag)
		}
		return err
	})
}
