package rolestore

import "log/slog"

// redacted is what a secret prints as, wherever it is printed.
const redacted = "redacted"

// Secret is a string that no log, error, format verb or encoder shows. The
// zero Secret is empty. The text lies behind a pointer, because fmt cannot call
// methods of unexported fields and would otherwise print it from inside an
// enclosing struct.
type Secret struct{ text *string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the secret text. Callers hand it to the wire or to a sealed
// store and to nothing else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return redacted }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], for JSON, YAML and XML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
