package dbfile

import (
	"encoding/json"
	"fmt"
)

// GetJSON decodes the value of the key, and leaves value alone if there is none.
// A value that is no JSON of this kind is damage.
func (tx *Tx) GetJSON(bucket, key string, value any) error {
	text, err := tx.Get(bucket, key)
	if err != nil || text == nil {
		return err
	}
	return tx.decode(bucket, key, text, value)
}

// PutJSON is [Tx.Put] of the value as JSON.
func (tx *Tx) PutJSON(bucket, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", bucket, key, err)
	}
	return tx.Put(bucket, key, text)
}

// EachJSON is [Tx.ForEach] with every value decoded.
func EachJSON[V any](tx *Tx, bucket string, visit func(key string, value V) error) error {
	return tx.ForEach(bucket, func(key string, text []byte) error {
		var value V
		if err := tx.decode(bucket, key, text, &value); err != nil {
			return err
		}
		return visit(key, value)
	})
}

func (tx *Tx) decode(bucket, key string, text []byte, value any) error {
	if err := json.Unmarshal(text, value); err != nil {
		return tx.Damaged(fmt.Errorf("%s %s: %w", bucket, key, err))
	}
	return nil
}
